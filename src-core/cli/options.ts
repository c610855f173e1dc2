import { Option, type Command } from 'commander';
import { DIGESTS } from '../execute/digest.ts';
import { KV_PLACEMENTS } from './opening.ts';
import { FORMATS, OUTPUT_DTYPES } from './output-options.ts';

/** The option of every command that works in threads. */
export function withWorkers(command: Command): Command {
  return command.option('--workers <n>', 'threads (default: one a processor, at most 8; 0: none beside the main one)');
}

/** Of commands that read a sharded checkpoint: the config of its model. */
export function configOption(): Option {
  return new Option('--config <path>', 'config.json of the model, or its folder, where none is beside the shards');
}

/** How copies of KV heads are placed over the ranks, in what is read or written; `otherwise` says what holds without the option. */
export function kvPlacementOption(otherwise = 'what they show', flag = '--kv-placement'): Option {
  const text = `how copies of KV heads are placed over the ranks (default: ${otherwise})`;
  return new Option(`${flag} <placement>`, text).choices(KV_PLACEMENTS);
}

/** Options of every command that writes Hugging Face weights. */
export function withOutputOptions(command: Command): Command {
  const described = command
    .addOption(new Option('--format <format>', 'file format').choices(FORMATS).default('safetensors'))
    .option('--max-shard-size <size>', 'largest weights file, such as 500MB or 5GB', '5GB')
    .addOption(
      new Option('--dtype <dtype>', 'convert floating point weights (default: as stored)').choices(OUTPUT_DTYPES),
    )
    .addOption(new Option('--digest <kind>', 'digest of each tensor').choices(DIGESTS).default('xxh64'));
  return withWorkers(described)
    .option('--band-size <size>', 'bytes that a thread copies at a time (default: 2 MiB)')
    .option('--force', 'replace files of the same names in OUT')
    .option('--sync', 'wait until the data is on the disk before anything gets its final name')
    .option('--quiet', 'print warnings and errors only')
    .option('--json', 'print a JSON document instead of text');
}

/** Parallel sizes. `tp` says whether they must be given. */
export function withSizes(command: Command, tp: 'required' | 'optional'): Command {
  const text = 'tensor parallel size';
  const sized = tp === 'required' ? command.requiredOption('--tp <n>', text) : command.option('--tp <n>', text);
  return sized
    .option('--pp <n>', 'pipeline parallel size', '1')
    .option('--virtual-pp <n>', 'chunks of layers on each pipeline stage (virtual_pipeline_parallel_size)', '1')
    .option('--kv-size-multiplier <n>', 'how often KV heads are repeated (default: as often as needed)')
    .option('--fuse-qkv', 'q, k and v in one parameter, as fuse_qkv saves');
}

/** Options of the commands that write a sharded checkpoint. */
export function withShardOptions(command: Command): Command {
  return withWorkers(withSizes(command, 'required'))
    .option('--xser', 'one file per tensor, as use_xser saves')
    .option('--config <path>', 'config.json of the model, or its folder, where none is beside the weights')
    .addOption(kvPlacementOption('as in the checkpoint that is read, else tiled'))
    .option('--part <k/n>', 'write only the k-th of n parts, here or on another machine; then run shardloom finish OUT')
    .option('--force', 'replace files of the same names in OUT')
    .option('--sync', 'wait until the data is on the disk before anything gets its final name')
    .option('--quiet', 'print errors only')
    .option('--json', 'print a JSON document');
}
