import type { ModelConfig } from '../checkpoint/configs.ts';
import { ShardloomError, type Finding } from '../errors.ts';
import type { TensorPair } from '../execute/pair-reader.ts';
import type { Placement } from '../inspect/drawing/placement.ts';
import { placementOf, type PlacedWeight } from '../inspect/placement.ts';
import type { OpenOptions } from '../models/open-checkpoint.ts';
import type { PlanBuilder } from '../plan/plan-builder.ts';
import { sameShape } from '../tensor/shape.ts';
import { openWeights, type Weights, type WeightsInput } from './weights-input.ts';

/** A rule that makes names of the left side those of the right side. */
export interface RenameRule {
  readonly pattern: RegExp;
  readonly replacement: string;
}

/** How the folders are opened, either of them, and how their tensors are matched. */
export interface ComparisonOptions extends OpenOptions {
  readonly rename?: RenameRule;
}

/** Two folders whose tensors have been matched by name. Reads no weights. */
export interface Comparison {
  readonly left: string;
  readonly right: string;
  readonly tensors: readonly Matched[];
  /** What only one side has and is not compared: "adapter default on the left". */
  readonly leftOut: readonly string[];
  /** Of either side: what is to be known of the placement of KV heads. */
  readonly findings: readonly Finding[];
}

/** A weight of either side under its common name. */
export interface Matched {
  readonly name: string;
  readonly left: PlacedWeight | null;
  readonly right: PlacedWeight | null;
}

/** Opens both folders, whatever they hold, and matches their tensors. Throws where they have nothing in common. */
export function openComparison(
  leftFolder: string,
  rightFolder: string,
  { rename, ...options }: ComparisonOptions = {},
): Comparison {
  const [left, right] = [leftFolder, rightFolder].map((folder) => openWeights(folder, options)) as [
    WeightsInput,
    WeightsInput,
  ];
  const { leftOut, ...weights } = comparedParts(left, right);
  const tensors = match(
    { weights: weights.left, config: left.config },
    { weights: weights.right, config: right.config },
    rename,
  );
  const findings = [left, right].flatMap((side) => side.findings.filter(({ tag }) => tag === 'kv-placement'));
  return { left: left.root, right: right.root, tensors, leftOut, findings };
}

/** What both sides are compared by, and what only one of them has and is left aside: a model, or adapters. */
function comparedParts(
  left: WeightsInput,
  right: WeightsInput,
): { readonly left: Weights; readonly right: Weights; readonly leftOut: string[] } {
  const withModel = left.model !== undefined && right.model !== undefined;
  const withAdapters = left.adapters.length > 0 && right.adapters.length > 0;
  if (!withModel && !withAdapters) {
    throw new ShardloomError({
      tag: 'usage',
      what: 'One side is a model and the other one adapters: they have nothing in common.',
      found: `${left.root} and ${right.root}`,
      advice: 'Merge the adapter into its base model first (shardloom merge), or compare it with another adapter.',
    });
  }
  // A single adapter against a single one: by its tensors alone, whatever their names.
  const areAlone = !withModel && left.adapters.length === 1 && right.adapters.length === 1;
  const weightsOf = (side: WeightsInput): Weights => {
    if (areAlone) return side.adapters[0]!.weights;
    const all = new Map(withModel ? side.model : []);
    for (const { name, weights } of withAdapters ? side.adapters : []) {
      for (const [parameter, weight] of weights) all.set(`${name}: ${parameter}`, weight);
    }
    return all;
  };
  const leftOut = [left, right].flatMap(({ model, adapters }, index) => {
    const side = index === 0 ? 'left' : 'right';
    return [
      ...(model && !withModel ? [`the model on the ${side}`] : []),
      ...(withAdapters ? [] : adapters.map(({ name }) => `adapter ${name} on the ${side}`)),
    ];
  });
  return { left: weightsOf(left), right: weightsOf(right), leftOut };
}

interface Side {
  readonly weights: Weights;
  readonly config: ModelConfig | undefined;
}

function match(left: Side, right: Side, rename: RenameRule | undefined): Matched[] {
  const byName = new Map<string, { left: PlacedWeight | null; right: PlacedWeight | null }>();
  for (const [own, weight] of left.weights) {
    const name = rename ? own.replace(rename.pattern, rename.replacement) : own;
    if (byName.has(name)) throw renamedTwice(name, byName.get(name)!.left!.name, own);
    byName.set(name, { left: { ...weight, name: own, config: left.config }, right: null });
  }
  for (const [name, weight] of right.weights) {
    byName.set(name, { left: byName.get(name)?.left ?? null, right: { ...weight, name, config: right.config } });
  }
  return [...byName].map(([name, sides]) => ({ name, ...sides }));
}

function renamedTwice(name: string, first: string, second: string): ShardloomError {
  return new ShardloomError({
    tag: 'usage',
    what: 'The rename rule gives two tensors of the left side the same name.',
    tensor: name,
    found: `${first} and ${second}`,
    advice: 'Make the pattern narrower.',
  });
}

/** Both sides of a tensor in the same shape. */
export type ComparableMatch = Matched & { readonly left: PlacedWeight; readonly right: PlacedWeight };

export function isComparable(one: Matched): one is ComparableMatch {
  return one.left !== null && one.right !== null && sameShape(one.left.view.shape, one.right.view.shape);
}

/** The tensor as a pair that can be read. */
export function pairOf({ name, left, right }: ComparableMatch, builder: PlanBuilder): TensorPair {
  return { name, left: builder.operand(left.view), right: builder.operand(right.view) };
}

/** Which rank holds what of the tensor, and where its heads are: from the side that knows. */
export function placementIn({ left, right }: Matched): Placement {
  return placementOf([left, right].filter((side) => side !== null));
}
