/** The layer that a parameter belongs to, or null for those outside of the layers. */
export function layerOf(name: string): number | null {
  const found = LAYER.exec(name)?.[1];
  return found === undefined ? null : Number(found);
}

/** A parameter's name inside its layer; the whole name outside of the layers. */
export function nameInLayer(name: string): string {
  return LAYER.exec(name)?.[2] ?? name;
}

/** What kind of weight it is within its layer: `q_proj`, or `q_proj.lora_A` of an adapter; null for what is no weight. */
export function kindOf(name: string): string | null {
  return KIND.exec(name)?.[1] ?? null;
}

const KIND = /\.([^.]+(?:\.lora_[^.]+)?)\.weight$/;

const LAYER = /(?:^|\.)layers\.(\d+)\.(.*)$/;
