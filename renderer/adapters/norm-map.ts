import type { AdapterModule, UpdateNorm } from '../../src-core/index.ts';

/** One module in the picture: layers go to the right, kinds of linears down. */
export interface NormCell {
  readonly module: AdapterModule;
  readonly norm: number | null;
  readonly column: number;
  readonly row: number;
}

export interface NormMap {
  /** Layers from left to right; null stands for modules outside of layers. */
  readonly layers: readonly (number | null)[];
  /** Kinds from top to bottom, in the order in which a layer has them. */
  readonly kinds: readonly string[];
  readonly cells: readonly NormCell[];
  /** The largest norm: where the scale ends. */
  readonly most: number;
}

/** The order of a decoder's linears; others come behind in the order in which they are met. */
const KIND_ORDER = ['q_proj', 'k_proj', 'v_proj', 'qkv_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/** Places the modules of an adapter as layers × kinds. Norms may be missing while they are worked out. */
export function normMapOf(modules: readonly AdapterModule[], norms: readonly UpdateNorm[]): NormMap {
  const byModule = new Map(norms.map(({ module, norm }) => [module, norm]));
  const layers = [...new Set(modules.map(({ layer }) => layer))].sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
  const order = (kind: string): number => (KIND_ORDER.includes(kind) ? KIND_ORDER.indexOf(kind) : KIND_ORDER.length);
  const kinds = [...new Set(modules.map(({ kind }) => kind))].sort((a, b) => order(a) - order(b));
  const cells = modules.map((module) => ({
    module,
    norm: byModule.get(module.module) ?? null,
    column: layers.indexOf(module.layer),
    row: kinds.indexOf(module.kind),
  }));
  const most = cells.reduce((largest, { norm }) => Math.max(largest, norm ?? 0), 0);
  return { layers, kinds, cells, most };
}

/** The cell that a key leads to from the one at `index`, or null where there is none. */
export function nextCell({ cells }: NormMap, index: number, key: string): number | null {
  const steps: Record<string, readonly [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const step = steps[key];
  const from = cells[index];
  if (!step || !from) return null;
  const found = cells.findIndex(({ column, row }) => column === from.column + step[0] && row === from.row + step[1]);
  return found < 0 ? null : found;
}
