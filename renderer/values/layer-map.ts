/** A weight with one figure to be drawn. */
export interface MapItem {
  readonly name: string;
  /** Null for what is outside of layers. */
  readonly layer: number | null;
  /** What kind of weight it is: q_proj. */
  readonly kind: string;
  /** Null while it is not known. */
  readonly value: number | null;
}

/** One item in the picture: layers go to the right, kinds down. */
export interface MapCell<Item extends MapItem> {
  readonly item: Item;
  readonly column: number;
  readonly row: number;
}

export interface LayerMap<Item extends MapItem> {
  /** Layers from left to right; null stands for what is outside of layers. */
  readonly layers: readonly (number | null)[];
  /** Kinds from top to bottom, in the order in which a layer has them. */
  readonly kinds: readonly string[];
  readonly cells: readonly MapCell<Item>[];
  /** The largest figure: where the scale ends. */
  readonly most: number;
}

/** The order of a decoder's weights; others come behind in the order in which they are met. */
const KIND_ORDER = ['q_proj', 'k_proj', 'v_proj', 'qkv_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/** The matrices of an adapter are where their weight is, lora_A first. */
function orderOf(kind: string): number {
  const [weight, matrix] = kind.split('.') as [string, string?];
  const place = KIND_ORDER.indexOf(weight);
  return (place < 0 ? KIND_ORDER.length : place) + (matrix?.endsWith('_B') ? 0.5 : 0);
}

/** Places items as layers × kinds. */
export function layerMapOf<Item extends MapItem>(items: readonly Item[]): LayerMap<Item> {
  const layers = [...new Set(items.map(({ layer }) => layer))].sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
  const kinds = [...new Set(items.map(({ kind }) => kind))].sort((a, b) => orderOf(a) - orderOf(b));
  const cells = items.map((item) => ({
    item,
    column: layers.indexOf(item.layer),
    row: kinds.indexOf(item.kind),
  }));
  const most = items.reduce((largest, { value }) => Math.max(largest, value ?? 0), 0);
  return { layers, kinds, cells, most };
}

/** The cell that a key leads to from the one at `index`, or null where there is none. */
export function nextCell<Item extends MapItem>({ cells }: LayerMap<Item>, index: number, key: string): number | null {
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
