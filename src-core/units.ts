/** Numbers as text: one format everywhere, in the command line and in the app. */

const THIN_SPACE = '\u2009';
const DECIMAL_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in decimal units with three digits, as Hugging Face shows them: `1.24 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < DECIMAL_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? String(value) : threeDigits(value)} ${DECIMAL_UNITS[unit]!}`;
}

/** A parameter count: `0.62 B`, `8.03 B`, `12.4 M`. */
export function formatParameters(count: number): string {
  if (count >= 1e11) return `${(count / 1e9).toFixed(0)} B`;
  if (count >= 1e8) return `${threeDigits(count / 1e9)} B`;
  if (count >= 1e6) return `${threeDigits(count / 1e6)} M`;
  if (count >= 1e3) return `${threeDigits(count / 1e3)} k`;
  return String(count);
}

/** A count with thin spaces between thousands. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, THIN_SPACE);
}

/** A duration: `23 ms`, `0.4 s`, `12 s`, `1 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 0.095) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A shape: `4096 × 14336`; `scalar` for no axes. */
export function formatShape(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join(' × ');
}

/** `1 file`, `3 files`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function threeDigits(value: number): string {
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}
