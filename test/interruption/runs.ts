import fs from 'node:fs';
import path from 'node:path';
import { makeSample } from '../../src-core/sample/sample.ts';
import type { Random } from '../fuzz/random.ts';
import { originalParameters, writeAdapter, writeHuggingFace } from '../support/hugging-face.ts';

/** Small, but with several files, an index, copies to compare, and something beside the weights. */
const CONFIG = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  numHiddenLayers: 1,
  vocabSize: 32,
};

/** Enough that a run takes long enough to be hit while it copies. */
const LARGE = { ...CONFIG, hiddenSize: 512, intermediateSize: 2048, numHiddenLayers: 6, vocabSize: 16_000 };

/** What the runs read. */
export interface Inputs {
  readonly checkpoint: string;
  readonly huggingFace: string;
  readonly adapter: string;
}

/** Makes inputs of each kind below `folder`. */
export async function inputsOf(folder: string, size: 'small' | 'large'): Promise<Inputs> {
  const config = size === 'small' ? CONFIG : LARGE;
  const { checkpoint } = await makeSample(path.join(folder, 'sample'), { config, tensorParallelSize: 4 });
  const [huggingFace, adapter] = [path.join(folder, 'hf'), path.join(folder, 'adapter')];
  writeHuggingFace(huggingFace, 'llama', config);
  fs.writeFileSync(path.join(huggingFace, 'tokenizer.json'), '{}');
  writeAdapter(adapter, loraOf(config), { r: 2, lora_alpha: 4, target_modules: ['o_proj', 'down_proj'] });
  return { checkpoint, huggingFace, adapter };
}

/** A run of the command line that writes a folder. */
export interface WritingRun {
  readonly name: string;
  /** The words of the command with the output folder at its place. */
  readonly words: (out: string) => readonly string[];
}

/** One run of each kind that writes, over inputs that are made below `folder`. */
export async function writingRuns(folder: string, size: 'small' | 'large'): Promise<WritingRun[]> {
  const { checkpoint, huggingFace, adapter } = await inputsOf(folder, size);
  const split = ['--max-shard-size', size === 'small' ? '12KB' : '20MB'];
  const sizes = ['--tp', '2', '--pp', '1'];
  const runs: Record<string, (out: string) => string[]> = {
    consolidate: (out) => ['consolidate', checkpoint, out, ...split],
    'consolidate to pytorch': (out) => ['consolidate', checkpoint, out, ...split, '--format', 'pytorch'],
    shard: (out) => ['shard', huggingFace, out, ...sizes],
    'reshard to xser': (out) => ['reshard', checkpoint, out, ...sizes, '--xser'],
    merge: (out) => ['merge', huggingFace, adapter, out, ...split],
  };
  return Object.entries(runs).map(([name, words]) => ({ name, words: (out) => [...words(out), '--quiet'] }));
}

/** lora_A and lora_B of rank 2 for two linears of each layer. */
function loraOf(config: typeof CONFIG): Map<string, readonly number[]> {
  return new Map(
    [...originalParameters('llama', config)].flatMap(([name, shape]): [string, readonly number[]][] => {
      const module = /^(.*\.(?:o_proj|down_proj))\.weight$/.exec(name)?.[1];
      if (module === undefined) return [];
      return [
        [`base_model.model.${module}.lora_A.weight`, [2, shape[1]!]],
        [`base_model.model.${module}.lora_B.weight`, [shape[0]!, 2]],
      ];
    }),
  );
}

/** So many of the numbers from 1 to `count`, one drawn from each of as many equal parts; all of them where there are not more. */
export function drawnFrom(count: number, wanted: number, random: Random): number[] {
  const parts = Math.min(wanted, count);
  const start = (part: number): number => Math.floor((part * count) / parts);
  return Array.from({ length: parts }, (_, part) => 1 + start(part) + random.below(start(part + 1) - start(part)));
}

/** All files below a folder by their names, hidden ones too, with their bytes. */
export function filesIn(folder: string): Map<string, string> {
  if (!fs.existsSync(folder)) return new Map();
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = entries.map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();
  return new Map(names.map((name) => [name, fs.readFileSync(path.join(folder, name)).toString('latin1')]));
}

/** Files that are no part of a result: what a run that was cut off may leave. */
export function isLeftover(name: string): boolean {
  return name.startsWith('.shardloom-part') || name.endsWith('.partial');
}

/** Of these, what was just being made or taken away and is swept up by a later run. */
export function isMomentary(name: string): boolean {
  return /^\.shardloom-partial\.[0-9a-f-]{36}\//.test(name);
}

/** Lets a folder and all in it look as if nothing had happened to it for two minutes. */
export function age(folder: string): void {
  const then = new Date(Date.now() - 120_000);
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    fs.utimesSync(path.join(entry.parentPath, entry.name), then, then);
  }
}

/** What makes a loader, or a person, take the folder for a whole result. */
const FINISHING = /(^|\/)(done|shardloom\.json|.*\.index\.json)$/;

/**
 * What is wrong with an output folder that a run was cut off in: each file under a final name must be the whole file, and one that says
 * that all is there may stand only where all is there.
 */
export function looksFinished(folder: string, whole: ReadonlyMap<string, string>): string[] {
  const files = [...filesIn(folder)].filter(([name]) => !isLeftover(name));
  const half = files.filter(([name, bytes]) => whole.get(name) !== bytes).map(([name]) => `${name} is not whole`);
  const finishing = files.find(([name]) => FINISHING.test(name));
  const weights = [...whole.keys()].filter((name) => /\.(safetensors|bin|pt)$/.test(name));
  const missing = weights.filter((name) => !files.some(([there]) => there === name));
  return finishing && missing.length > 0 ? [...half, `${finishing[0]} stands without ${missing[0]!}`] : half;
}
