import path from 'node:path';
import type { Checkpoint, ShardedState, Stage } from '../checkpoint/checkpoint.ts';
import { openAdapterFolders } from '../checkpoint/adapter-folder.ts';
import { mainFile, openWeightsFolder, plainFiles } from '../checkpoint/weights-folder.ts';
import { ShardloomError, type Finding } from '../errors.ts';
import { compareCopies, type CompareOptions } from '../execute/compare-copies.ts';
import type { CopiedTensor } from '../execute/copy-tensors.ts';
import { partNameOf, type PartName } from '../plan/part-name.ts';
import { specsOfStage, stageWeights } from '../plan/original-weights.ts';
import { PlanBuilder, plannedWeights } from '../plan/plan-builder.ts';
import type { PlanTensor } from '../plan/plan.ts';
import { adaptStateDict } from '../specs/adapt-state-dict.ts';
import { CustomModule, type ModelStage } from '../specs/custom-module.ts';
import { sameShape } from '../tensor/shape.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { viewOf, type View } from '../tensor/view.ts';
import { formatShape } from '../units.ts';

/** Whether consolidated weights, sharded again, give back every byte of the checkpoint. */
export interface RoundTrip {
  /** Tensors of all ranks that were compared, and those that differ. */
  readonly compared: number;
  readonly different: readonly RoundTripDifference[];
  readonly ranks: number;
  /** Bytes of the checkpoint's tensors that were compared. */
  readonly bytes: number;
  readonly seconds: number;
  /** What the comparison rests on because the metadata does not say it: a wrong guess would go the same way back. */
  readonly inferred: readonly Finding[];
  /** What else the checkpoint holds, and the result does not. */
  readonly notCovered: readonly PartName[];
}

export interface RoundTripDifference {
  readonly tensor: StoredTensor;
  readonly elements: number;
  /** Largest absolute difference; null where a NaN stands against another value. */
  readonly maxAbs: number | null;
}

/**
 * Shards the weights in `out` again, with the specs and parallel attributes that the checkpoint's metadata lists, and compares
 * the result with what every rank has stored. Views lead from one to the other: nothing is written. Throws the first error of a
 * checkpoint that is not whole, and `missing-tensor`, `shape-mismatch` or `dtype-mismatch` for weights that are not its own.
 */
export async function verifyRoundTrip(
  checkpoint: Checkpoint,
  out: string,
  options: CompareOptions = {},
): Promise<RoundTrip> {
  const started = performance.now();
  const problem = checkpoint.findings.find(({ severity }) => severity === 'error');
  if (problem) throw new ShardloomError(problem);
  const results = weightsIn(out);
  const states = [...(checkpoint.model ? [checkpoint.model] : []), ...checkpoint.adapters];
  const covered = states.filter((state) => results.has(partNameOf(state)));
  if (covered.length === 0) throw nothingToCompare(checkpoint, out);
  const builder = new PlanBuilder();
  const pairs = covered.flatMap((state) => {
    return state.stages.flatMap((stage) => pairsOf(state, stage, results.get(partNameOf(state))!));
  });
  const tensors = pairs.map((pair, index) => comparison(builder, pair, index));
  const copied = await compareCopies({ files: builder.files, sources: builder.sources }, tensors, options);
  const stored = pairs.map((pair) => pair.stored);
  return {
    compared: pairs.length,
    different: tensors.flatMap(({ name }, index) => differenceOf(stored[index]!, copied.get(name)!)),
    ranks: new Set(stored.map(({ rank }) => `${rank?.pp ?? 0}/${rank?.tp ?? 0}`)).size,
    bytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    seconds: (performance.now() - started) / 1000,
    inferred: covered.flatMap(({ findings }) =>
      findings.filter(({ tag, severity }) => tag === 'kv-placement' || (tag === 'inferred' && severity === 'warning')),
    ),
    notCovered: states.filter((state) => !covered.includes(state)).map(partNameOf),
  };
}

/** What a rank has stored, and the same made anew from the consolidated weights. */
interface Pair {
  readonly stored: StoredTensor;
  readonly made: View;
}

/** Weights of a result that were made from one part of a checkpoint. */
interface ResultWeights {
  readonly folder: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** What the folder holds, by the part of a checkpoint that it was made from. */
function weightsIn(out: string): ReadonlyMap<PartName, ResultWeights> {
  const adapters = openAdapterFolders(out).map((adapter) => [`adapter:${adapter.name}`, adapter] as const);
  const hasModel = mainFile(plainFiles(out)) !== undefined || adapters.length === 0;
  return new Map<PartName, ResultWeights>([
    ...(hasModel ? [['model', openWeightsFolder(out)] as const] : []),
    ...adapters,
  ]);
}

function nothingToCompare({ found }: Checkpoint, out: string): ShardloomError {
  return new ShardloomError({
    tag: 'missing-file',
    what: 'The result holds nothing that was made from this checkpoint.',
    file: path.resolve(out),
    isFolder: true,
    expected: `weights of what ${found.opened} holds`,
    advice: 'Name the folder that was made from this checkpoint.',
  });
}

function pairsOf(state: ShardedState, stage: Stage, weights: ResultWeights): Pair[] {
  const { adapterName, tensorParallelSize: tpSize } = state;
  const originals = new Map(
    [...stageWeights(stage, adapterName)].map(([name, { view }]) => {
      // Of tied embeddings the result has one.
      const saved = weights.tensors.has(name) ? name : (state.tied.get(name) ?? name);
      return [name, consolidated(weights, saved, view)];
    }),
  );
  const model: ModelStage = {
    customModules: specsOfStage(stage).map((specs) => new CustomModule(specs)),
    parameters: stage.metadata?.parameters ?? new Map(),
  };
  return Array.from({ length: tpSize }, (_, tpRank) => {
    const local = adaptStateDict(model, originals, { tpSize, tpRank }, adapterName);
    return [...stage.tensors].map(([name, locals]) => pair(locals[tpRank]!, local.get(name)));
  }).flat();
}

/** A tensor of the result, which must be of the same kind as what consolidation makes of the shards. */
function consolidated({ folder, tensors }: ResultWeights, name: string, expected: View): View {
  const found = tensors.get(name);
  const isSame = found?.dtype === expected.dtype && sameShape(found.shape, expected.shape);
  if (found && isSame) return viewOf(found);
  const converted = found !== undefined && found.dtype !== expected.dtype;
  throw new ShardloomError({
    tag: !found ? 'missing-tensor' : converted ? 'dtype-mismatch' : 'shape-mismatch',
    what: found ? 'A tensor of the result is of another kind than the checkpoint’s.' : 'The result lacks a tensor.',
    file: found?.file ?? folder,
    tensor: name,
    ...(found && { found: `${found.dtype} ${formatShape(found.shape)}` }),
    expected: `${expected.dtype} ${formatShape(expected.shape)}`,
    advice: converted
      ? 'Converted weights do not lead back: verify a result of the dtype that is stored.'
      : 'Name the folder that was made from this checkpoint.',
  });
}

function pair(stored: StoredTensor, made: View | undefined): Pair {
  if (made?.dtype === stored.dtype && sameShape(made.shape, stored.shape)) return { stored, made };
  throw new ShardloomError({
    tag: made ? 'shape-mismatch' : 'missing-tensor',
    what: 'Sharding the result again does not give a tensor that the checkpoint holds.',
    file: stored.file,
    tensor: stored.name,
    ...(made && { found: `${made.dtype} ${formatShape(made.shape)}` }),
    expected: `${stored.dtype} ${formatShape(stored.shape)}`,
    advice: 'The metadata does not describe these shards: copy it and the shards again from one save.',
  });
}

function comparison(builder: PlanBuilder, { stored, made }: Pair, index: number): PlanTensor {
  const weight = {
    view: viewOf(stored),
    transformation: 'copied' as const,
    from: [stored.name],
    copies: [{ label: 'made anew', view: made }],
  };
  // Names repeat from rank to rank.
  return builder.tensor(plannedWeights([[`${index} ${stored.name}`, weight]], undefined)[0]!, 0);
}

function differenceOf(tensor: StoredTensor, { differences }: CopiedTensor): RoundTripDifference[] {
  const places = differences.flatMap(({ where }) => where);
  if (places.length === 0) return [];
  const maxAbs = Math.max(...places.map((place) => place.maxAbs));
  const elements = places.reduce((sum, place) => sum + place.elements, 0);
  return [{ tensor, elements, maxAbs: places.some((place) => Number.isNaN(place.maxAbs)) ? null : maxAbs }];
}
