import type { ShardedState } from '../checkpoint/checkpoint.ts';
import type { Finding } from '../errors.ts';
import { readViews } from '../execute/view-reader.ts';
import { GQAQKVColumnParallelLinearSpec } from '../specs/gqa-qkv.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { cat, narrow } from '../tensor/operations.ts';
import type { View } from '../tensor/view.ts';

/**
 * How copies of key/value heads lie over the ranks: `tiled` (K0 K1 … K0 K1 …, what the metadata's rule says), `adjacent`
 * (K0 K0 K1 K1 …, NxD on Trn2), `both` where the heads do not tell, `neither` where copies differ in themselves.
 */
export type KvPlacement = 'tiled' | 'adjacent' | 'both' | 'neither';

/** Of each head only this much is looked at: enough to tell heads apart, and nothing next to the weights. */
const PROBE_BYTES = 4096;

export interface KvPlacementResult {
  readonly placement: KvPlacement;
  /** The parameter that was looked at. */
  readonly parameter: string;
}

/**
 * Looks at the first replicated key projection to see which placement its copies follow. Null where no KV head is
 * replicated, or where there is only one, so that both placements are the same.
 */
export function detectKvPlacement(
  state: ShardedState,
  weights: ReadonlyMap<string, OriginalWeight>,
): KvPlacementResult | null {
  for (const stage of state.stages) {
    for (const entry of stage.metadata?.transformationSpecs ?? []) {
      const module = ModelWeightTransformationSpecs.fromMetadata(entry);
      for (const spec of module.specs) {
        if (!(spec instanceof GQAQKVColumnParallelLinearSpec)) continue;
        const { keyProjectionName, numKeyValueHeads, kvSizeMultiplier } = spec.fields;
        if (kvSizeMultiplier < 2 || numKeyValueHeads < 2) continue;
        const names = ['weight', 'base_layer.weight', 'lora_B.weight'].map((level) => {
          return `${module.moduleFullyQualifiedName}.${keyProjectionName}.${level}`;
        });
        const parameter = names.find((name) => weights.has(name));
        if (parameter === undefined) continue;
        const weight = weights.get(parameter)!;
        const replicas = weight.copies.filter((copy) => copy.label.startsWith('KV replica'));
        const slots = slotProbes([weight.view, ...replicas.map((copy) => copy.view)], numKeyValueHeads);
        return { parameter, placement: placementOf(readViews(slots), numKeyValueHeads, kvSizeMultiplier) };
      }
    }
  }
  return null;
}

/** The beginning of every KV slot, in the order of the ranks. */
function slotProbes(replicas: readonly View[], heads: number): View[] {
  const all = cat(replicas, 0);
  const rows = (replicas[0]?.shape[0] ?? 0) / heads;
  const rowBytes = elementCount(all.shape.slice(1)) * dtypeBytes(all.dtype);
  const probed = Math.max(1, Math.min(rows, Math.floor(PROBE_BYTES / Math.max(1, rowBytes))));
  return Array.from({ length: heads * replicas.length }, (_, slot) => narrow(all, 0, slot * rows, probed));
}

function placementOf(slots: readonly Uint8Array[], heads: number, multiplier: number): KvPlacement {
  const equal = (a: number, b: number): boolean => Buffer.compare(slots[a]!, slots[b]!) === 0;
  const every = (first: (slot: number) => number): boolean => slots.every((_, slot) => equal(slot, first(slot)));
  const tiled = every((slot) => slot % heads);
  const adjacent = every((slot) => slot - (slot % multiplier));
  if (tiled && adjacent) return 'both';
  if (tiled) return 'tiled';
  return adjacent ? 'adjacent' : 'neither';
}

/** What the user must know of a placement, or null where it is the expected one or nothing can be said. */
export function kvPlacementFinding({ placement, parameter }: KvPlacementResult): Finding | null {
  if (placement !== 'adjacent') return null;
  return {
    severity: 'error',
    tag: 'kv-placement',
    what: 'The copies of key and value heads stand on neighbouring ranks, not tiled over the ranks as the metadata’s rule says.',
    tensor: parameter,
    found: 'K0 K0 … K1 K1 …, as NxD places them on Trn2',
    expected: 'K0 K1 … K0 K1 …, the rule of GQAQKVColumnParallelLinearSpec',
    advice:
      'Joined by the metadata’s rule, keys, values and query order would be wrong, so nothing was written. Report the versions of optimum-neuron and neuronx-distributed that saved it.',
  };
}
