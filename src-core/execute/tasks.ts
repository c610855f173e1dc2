import type {
  Plan,
  PlanContent,
  PlanOutput,
  PlanRegion,
  PlanSource,
  PlanSourceFile,
  PlanTensor,
} from '../plan/plan.ts';
import type { Inputs } from './assemble.ts';
import type { CopySettings, CopyTask } from './copy-tensors.ts';

/** Tensors below this are copied several to a task. */
const SMALL_TASK_BYTES = 8 * 1024 * 1024;

/**
 * A plan's work, cut up for threads: large tensors each on their own, small ones of a file together. Largest first, so
 * that no thread is left alone with one at the end.
 */
export function tasksOf(plan: Plan, settings: CopySettings, pathOf: (output: PlanOutput) => string): CopyTask[] {
  return largestFirst(plan.outputs.flatMap((output) => tasksFor(plan, output.tensors, pathOf(output), settings)));
}

/** The work of comparing tensors with their copies, cut up in the same way. */
export function comparingTasks(inputs: Inputs, tensors: readonly PlanTensor[], settings: CopySettings): CopyTask[] {
  return largestFirst(tasksFor(inputs, tensors, null, settings));
}

interface SizedTask {
  readonly task: CopyTask;
  readonly bytes: number;
}

function tasksFor(
  inputs: Inputs,
  tensors: readonly PlanTensor[],
  output: string | null,
  settings: CopySettings,
): SizedTask[] {
  return batches(tensors).map((batch) => ({
    task: { output, settings, ...selfContained(inputs, batch.tensors) },
    bytes: batch.bytes,
  }));
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

/** The tensors with just the sources and files that they refer to, numbered anew. */
function selfContained(
  inputs: Inputs,
  tensors: readonly PlanTensor[],
): Pick<CopyTask, 'tensors' | 'sources' | 'files'> {
  const sources: PlanSource[] = [];
  const files: PlanSourceFile[] = [];
  const sourceIndex = new Map<number, number>();
  const fileIndex = new Map<number, number>();
  const numbered = <Item>(index: number, known: Map<number, number>, list: Item[], make: () => Item): number => {
    const before = known.get(index);
    if (before !== undefined) return before;
    known.set(index, list.length);
    return list.push(make()) - 1;
  };
  const renumber = (regions: readonly PlanRegion[]): PlanRegion[] =>
    regions.map((region) => ({
      ...region,
      source: numbered(region.source, sourceIndex, sources, () => {
        const source = inputs.sources[region.source]!;
        return { ...source, file: numbered(source.file, fileIndex, files, () => inputs.files[source.file]!) };
      }),
    }));
  const content = ({ regions, meanOf }: PlanContent): PlanContent => ({
    regions: renumber(regions),
    ...(meanOf && { meanOf: meanOf.map(renumber) }),
  });
  const renumbered = tensors.map((tensor) => ({
    ...tensor,
    ...content(tensor),
    copies: tensor.copies.map((copy) => ({ ...copy, ...content(copy) })),
    ...(tensor.updates && {
      updates: tensor.updates.map((update) => ({
        ...update,
        a: { ...update.a, ...content(update.a) },
        b: { ...update.b, ...content(update.b) },
      })),
    }),
  }));
  return { tensors: renumbered, sources, files };
}
