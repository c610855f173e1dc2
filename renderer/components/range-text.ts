import { formatCount } from '../../src-core/units.ts';

/** A range along one axis, both ends included: `96–127`. */
export function rangeText(at: number, size: number): string {
  return size === 1 ? formatCount(at) : `${formatCount(at)}–${formatCount(at + size - 1)}`;
}
