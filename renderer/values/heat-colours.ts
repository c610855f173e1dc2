/** Red, green, blue, 0 to 255. */
export type Colour = readonly [number, number, number];

export interface HeatColours {
  /** The most negative, zero, the most positive: a diverging map that colour-blind readers can tell apart. */
  readonly negative: Colour;
  readonly zero: Colour;
  readonly positive: Colour;
  /** NaN and Inf: a colour outside the map. */
  readonly odd: Colour;
}

export const HEAT_COLOURS: Readonly<Record<'light' | 'dark', HeatColours>> = {
  light: { negative: [5, 76, 158], zero: [247, 247, 245], positive: [176, 66, 0], odd: [170, 0, 170] },
  dark: { negative: [110, 180, 255], zero: [32, 36, 41], positive: [255, 152, 74], odd: [255, 80, 255] },
};

/** The colour of a value on a scale that reaches from -limit to limit. */
export function colourOf(value: number, limit: number, { negative, zero, positive, odd }: HeatColours): Colour {
  if (!Number.isFinite(value)) return odd;
  const share = limit === 0 ? 0 : Math.min(1, Math.abs(value) / limit);
  const end = value < 0 ? negative : positive;
  return [mix(zero[0], end[0], share), mix(zero[1], end[1], share), mix(zero[2], end[2], share)];
}

function mix(from: number, to: number, share: number): number {
  return Math.round(from + (to - from) * share);
}

/** Pixels, RGBA, one for each value. */
export function pixelsOf(values: Float32Array, limit: number, colours: HeatColours): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(values.length * 4);
  values.forEach((value, index) => {
    const [red, green, blue] = colourOf(value, limit, colours);
    pixels.set([red, green, blue, 255], index * 4);
  });
  return pixels;
}

/** The largest finite magnitude: where the scale ends. */
export function limitOf(values: Float32Array): number {
  return values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
}

/** As CSS. */
export function css([red, green, blue]: Colour): string {
  return `rgb(${red}, ${green}, ${blue})`;
}
