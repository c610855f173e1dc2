import type {
  Plan,
  PlanContent,
  PlanOperand,
  PlanOutput,
  PlanRegion,
  PlanSource,
  PlanSourceFile,
  PlanTensor,
} from '../plan/plan.ts';
import type { Inputs } from './assemble.ts';
import type { CopiedTensor, CopySettings, CopyTask } from './copy-tensors.ts';
import type { DiffTask } from './diff-tensors.ts';
import type { KnownTensors } from './journal.ts';
import { pairBytes, type TensorPair } from './pair-reader.ts';

/** Tensors below this are copied several to a task. */
const SMALL_TASK_BYTES = 8 * 1024 * 1024;

/**
 * A plan's work, cut up for threads: large tensors each on their own, small ones of a file together. Largest first, so
 * that no thread is left alone with one at the end.
 */
export function tasksOf(
  plan: Plan,
  settings: CopySettings,
  pathOf: (output: PlanOutput) => string,
  known: KnownTensors,
): CopyTask[] {
  return largestFirst(
    plan.outputs.flatMap((output) => {
      const place = { path: output.path, file: pathOf(output), known: known.get(output.path) };
      return tasksFor(plan, output.tensors, place, settings);
    }),
  );
}

/** The work of comparing tensors with their copies, cut up in the same way. */
export function comparingTasks(inputs: Inputs, tensors: readonly PlanTensor[], settings: CopySettings): CopyTask[] {
  return largestFirst(tasksFor(inputs, tensors, null, settings));
}

interface SizedTask {
  readonly task: CopyTask;
  readonly bytes: number;
}

interface OutputPlace {
  readonly path: string;
  readonly file: string;
  readonly known: ReadonlyMap<string, CopiedTensor> | undefined;
}

function tasksFor(
  inputs: Inputs,
  tensors: readonly PlanTensor[],
  place: OutputPlace | null,
  settings: CopySettings,
): SizedTask[] {
  return batches(tensors).map((batch) => {
    const known = batch.tensors.flatMap(({ name }) => place?.known?.get(name) ?? []);
    const output = place && { path: place.path, file: place.file, known };
    return {
      task: { kind: 'copy', output, settings, ...selfContained(inputs, batch.tensors) },
      bytes: batch.bytes,
    };
  });
}

function largestFirst(tasks: SizedTask[]): CopyTask[] {
  return tasks.sort((a, b) => b.bytes - a.bytes).map(({ task }) => task);
}

function batches(tensors: readonly PlanTensor[]): { readonly tensors: PlanTensor[]; readonly bytes: number }[] {
  const found: { tensors: PlanTensor[]; bytes: number }[] = [];
  for (const tensor of tensors) {
    const last = found.at(-1);
    if (last && last.bytes + tensor.byteLength <= SMALL_TASK_BYTES) {
      last.tensors.push(tensor);
      last.bytes += tensor.byteLength;
    } else {
      found.push({ tensors: [tensor], bytes: tensor.byteLength });
    }
  }
  return found;
}

/** Sources and files that a task refers to, numbered anew from those of the whole run. */
class TaskInputs implements Inputs {
  readonly sources: PlanSource[] = [];
  readonly files: PlanSourceFile[] = [];
  /** The number that each source has in the whole run. */
  readonly numbers: number[] = [];
  readonly #inputs: Inputs;
  readonly #sourceIndex = new Map<number, number>();
  readonly #fileIndex = new Map<number, number>();

  constructor(inputs: Inputs) {
    this.#inputs = inputs;
  }

  content({ regions, meanOf }: PlanContent): PlanContent {
    return {
      regions: this.#renumbered(regions),
      ...(meanOf && { meanOf: meanOf.map((one) => this.#renumbered(one)) }),
    };
  }

  operand(operand: PlanOperand): PlanOperand {
    return { ...operand, ...this.content(operand) };
  }

  #renumbered(regions: readonly PlanRegion[]): PlanRegion[] {
    return regions.map((region) => ({ ...region, source: this.#source(region.source) }));
  }

  #source(index: number): number {
    return numbered(index, this.#sourceIndex, this.sources, () => {
      this.numbers.push(index);
      const source = this.#inputs.sources[index]!;
      const file = numbered(source.file, this.#fileIndex, this.files, () => this.#inputs.files[source.file]!);
      return { ...source, file };
    });
  }
}

function numbered<Item>(index: number, known: Map<number, number>, list: Item[], make: () => Item): number {
  const before = known.get(index);
  if (before !== undefined) return before;
  const item = make();
  known.set(index, list.length);
  return list.push(item) - 1;
}

/** The tensors with just the sources and files that they refer to, numbered anew. */
function selfContained(
  inputs: Inputs,
  tensors: readonly PlanTensor[],
): Pick<CopyTask, 'tensors' | 'sources' | 'sourceNumbers' | 'files'> {
  const own = new TaskInputs(inputs);
  const renumbered = tensors.map((tensor) => ({
    ...tensor,
    ...own.content(tensor),
    copies: tensor.copies.map((copy) => ({ ...copy, ...own.content(copy) })),
    ...(tensor.updates && {
      updates: tensor.updates.map((update) => ({ ...update, a: own.operand(update.a), b: own.operand(update.b) })),
    }),
  }));
  return { tensors: renumbered, sources: own.sources, sourceNumbers: own.numbers, files: own.files };
}

/** Pairs of tensors to be compared by value, cut up in the same way. */
export function diffTasks(inputs: Inputs, pairs: readonly TensorPair[], settings: CopySettings): DiffTask[] {
  const sized = pairs.map((pair) => ({ pair, bytes: pairBytes(pair) })).sort((a, b) => b.bytes - a.bytes);
  const groups: { pairs: TensorPair[]; bytes: number }[] = [];
  for (const { pair, bytes } of sized) {
    const last = groups.at(-1);
    if (last && last.bytes + bytes <= SMALL_TASK_BYTES) {
      last.pairs.push(pair);
      last.bytes += bytes;
    } else groups.push({ pairs: [pair], bytes });
  }
  return groups.map((group) => {
    const own = new TaskInputs(inputs);
    const renumbered = group.pairs.map(({ name, left, right }) => {
      return { name, left: own.operand(left), right: own.operand(right) };
    });
    return { kind: 'diff', pairs: renumbered, sources: own.sources, files: own.files, settings };
  });
}
