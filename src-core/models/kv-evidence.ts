import { readBeginning } from '../checkpoint/beginning.ts';
import type { Stage } from '../checkpoint/checkpoint.ts';
import { hasKvPlacement, slotsOfReplicas } from '../specs/gqa-heads.ts';
import { GQAQKVColumnParallelLinearSpec } from '../specs/gqa-qkv.ts';
import type { GQAQKVFields } from '../specs/gqa-sharding.ts';
import { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import { elementReader } from '../tensor/decode.ts';
import { dtypeBytes, isCastable } from '../tensor/dtype.ts';
import type { KvPlacement } from '../tensor/parallel.ts';
import { viewOf, type View } from '../tensor/view.ts';

/** Of a slot only this much is read: enough to tell heads apart, and nothing next to the weights. */
const SAMPLE_BYTES = 4096;

/** KV heads of one tensor whose copies are looked at; other tensors take other heads. All copies are compared while copying. */
const SAMPLED_HEADS = 2;

/** What the copies in one tensor show: in which of the placements they are equal. */
export interface KvEvidence {
  /** The key or value parameter of the original model. */
  readonly parameter: string;
  readonly equalIn: KvPlacement | 'both' | 'neither';
  /** By how much copies differ that should be equal in a placement. */
  readonly differences: Readonly<Record<KvPlacement, CopyDistance>>;
}

/** The largest difference of two slots that should hold the same head. */
export interface CopyDistance {
  /** NaN where one of two different values is NaN, or where the type has no values to subtract. */
  readonly maxAbs: number;
  /** TP ranks that hold the two. */
  readonly ranks: readonly [number, number];
}

/** What is known of the copies of KV heads in some shards. */
export interface KvEvidences {
  /** Some module has copies of several KV heads, so that it matters how they are placed. */
  readonly matters: boolean;
  readonly tensors: readonly KvEvidence[];
}

/**
 * Looks at copies of KV heads in every key and value parameter that was saved, layer by layer: two copies of each of two heads, for
 * either placement. Which heads changes from tensor to tensor, so that no rank decides alone. Reads a few kilobytes a tensor.
 */
export function kvEvidencesOf(stages: readonly Stage[]): KvEvidences {
  const tensors: KvEvidence[] = [];
  let matters = false;
  for (const { metadata, tensors: saved } of stages) {
    for (const entry of metadata?.transformationSpecs ?? []) {
      const { moduleFullyQualifiedName: module, specs } = ModelWeightTransformationSpecs.fromMetadata(entry);
      for (const spec of specs) {
        if (!(spec instanceof GQAQKVColumnParallelLinearSpec) || !hasKvPlacement(spec.fields)) continue;
        const locals = { get: (name: string) => saved.get(name)?.map(viewOf) };
        for (const [parameter, slots] of spec.kvSlots(module, locals)) {
          tensors.push(evidenceOf(parameter, slots, spec.fields, tensors.length));
        }
        matters ||= spec.outputProjectionNames(module).some((name) => saved.has(name));
      }
    }
  }
  return { matters: matters || tensors.length > 0, tensors };
}

/** @param turn a number that changes from tensor to tensor */
function evidenceOf(parameter: string, slots: readonly View[], fields: GQAQKVFields, turn: number): KvEvidence {
  const beginnings = new Map<number, Uint8Array>();
  const beginning = (slot: number): Uint8Array => {
    const bytes = beginnings.get(slot) ?? readBeginning(slots[slot]!.regions[0]!, SAMPLE_BYTES);
    beginnings.set(slot, bytes);
    return bytes;
  };
  const compared = (placement: KvPlacement): { equal: number; of: number; distance: CopyDistance } => {
    const pairs = sampledPairs(fields, placement, turn);
    const distances = pairs.map((pair) => distanceOf(pair, slots, beginning));
    const equal = distances.filter((distance) => distance === null).length;
    const distance = distances.reduce(larger, null) ?? { maxAbs: 0, ranks: ranksOf(pairs[0]!, slots) };
    return { equal, of: pairs.length, distance };
  };
  const [tiled, adjacent] = [compared('tiled'), compared('adjacent')];
  return {
    parameter,
    equalIn: equalIn(tiled, adjacent),
    differences: { tiled: tiled.distance, adjacent: adjacent.distance },
  };
}

/**
 * Two slots for each sampled head that hold copies of it in this placement, and different heads in the other one: the first and the
 * last replica where they are tiled, the first two where they are adjacent.
 */
function sampledPairs(fields: GQAQKVFields, placement: KvPlacement, turn: number): (readonly [number, number])[] {
  const { numKeyValueHeads: heads, kvSizeMultiplier } = fields;
  const replicas = slotsOfReplicas({ numKeyValueHeads: heads, kvSizeMultiplier, kvPlacement: placement });
  const second = replicas[placement === 'tiled' ? kvSizeMultiplier - 1 : 1]!;
  return Array.from({ length: SAMPLED_HEADS }, (_, index) => {
    const head = (turn + Math.floor((index * heads) / SAMPLED_HEADS)) % heads;
    return [replicas[0]![head]!, second[head]!] as const;
  });
}

/**
 * Different heads are not equal by chance, so one pair of equal copies tells. Where heads are equal in themselves (all zero, say), pairs of
 * the other placement are equal too; then the one tells whose pairs all are.
 */
function equalIn(
  tiled: { readonly equal: number; readonly of: number },
  adjacent: { readonly equal: number; readonly of: number },
): KvEvidence['equalIn'] {
  const [allTiled, allAdjacent] = [tiled, adjacent].map(({ equal, of }) => equal === of);
  if (allTiled && allAdjacent) return 'both';
  if (allTiled || (tiled.equal > 0 && adjacent.equal === 0)) return 'tiled';
  if (allAdjacent || (adjacent.equal > 0 && tiled.equal === 0)) return 'adjacent';
  return 'neither';
}

/** Null where the beginnings of both slots are equal. */
function distanceOf(
  pair: readonly [number, number],
  slots: readonly View[],
  beginning: (slot: number) => Uint8Array,
): CopyDistance | null {
  const [a, b] = pair.map(beginning) as [Uint8Array, Uint8Array];
  if (Buffer.compare(a, b) === 0) return null;
  const ranks = ranksOf(pair, slots);
  const { dtype } = slots[pair[0]]!;
  if (!isCastable(dtype)) return { maxAbs: NaN, ranks };
  const read = elementReader(dtype);
  const [left, right] = [a, b].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  let maxAbs = 0;
  for (let at = 0; at + dtypeBytes(dtype) <= a.byteLength; at += dtypeBytes(dtype)) {
    maxAbs = Math.max(maxAbs, Math.abs(read(left!, at) - read(right!, at)));
  }
  return { maxAbs, ranks };
}

function ranksOf(pair: readonly [number, number], slots: readonly View[]): [number, number] {
  return pair.map((slot) => slots[slot]!.regions[0]!.source.rank?.tp ?? 0) as [number, number];
}

/** The larger of two distances; NaN is the largest. */
export function larger(a: CopyDistance | null, b: CopyDistance | null): CopyDistance | null {
  if (!a || !b) return a ?? b;
  return Number.isNaN(a.maxAbs) || a.maxAbs >= b.maxAbs ? a : b;
}
