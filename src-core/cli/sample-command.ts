import { printable, ShardloomError } from '../errors.ts';
import { makeSample } from '../sample/sample.ts';
import { EXIT } from './exit-codes.ts';
import { kvPlacementOf } from './opening.ts';
import { styled } from './terminal.ts';

/** The options of `shardloom sample`, as the command line gives them. */
export interface SampleFlags {
  readonly tp: string;
  readonly pp: string;
  readonly xser?: boolean;
  readonly fuseQkv?: boolean;
  readonly lora?: boolean;
  readonly kvPlacement?: string;
  readonly size: string;
}

/** `shardloom sample OUT`. Returns the exit code. */
export async function sampleCommand(out: string, flags: SampleFlags): Promise<number> {
  const { checkpoint, original, adapter } = await makeSample(out, {
    tensorParallelSize: Number(oneOf('--tp', flags.tp, ['1', '2', '4', '8', '16'])),
    pipelineParallelSize: Number(oneOf('--pp', flags.pp, ['1', '2', '4'])),
    xser: flags.xser ?? false,
    fuseQkv: flags.fuseQkv ?? false,
    ...(flags.lora && { loraRank: 8 }),
    ...(flags.kvPlacement !== undefined && { kvPlacement: kvPlacementOf('--kv-placement', flags.kvPlacement) }),
    ...(oneOf('--size', flags.size, ['small', 'large']) === 'large' && { config: LARGE }),
  });
  const lines = [
    `${styled('bold', 'Sample')} Llama checkpoint, TP ${flags.tp} × PP ${flags.pp}`,
    `  checkpoint  ${printable(checkpoint)}`,
    `  made from   ${printable(original)}`,
    ...(adapter === undefined ? [] : [`  and         ${printable(adapter)}`]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.done;
}

/** About 280 MB: enough to see progress. */
const LARGE = { hiddenSize: 1024, intermediateSize: 2816, vocabSize: 16_384, numHiddenLayers: 8 };

/** The sample's 16 heads, 4 layers and 1,024 words can be spread in the ways that the command offers. */
function oneOf(flag: string, value: string, allowed: readonly string[]): string {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new ShardloomError({
      tag: 'usage',
      what: `The sample cannot be made with this ${flag}.`,
      found: value,
      expected: allowed.join(', '),
    });
  }
  return found;
}
