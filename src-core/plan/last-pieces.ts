import { finishTorchArchive } from '../formats/torch/index.ts';
import type { PlanOutput, PlanPiece } from './plan.ts';

/** The pieces of an output that depend on the CRC-32 of its tensors' bytes, given in the plan's order: those of a zip archive. */
export function lastPieces(
  { archive }: PlanOutput,
  tensors: readonly { readonly crc32: number }[],
): readonly PlanPiece[] {
  if (!archive) return [];
  return finishTorchArchive(
    archive,
    tensors.map(({ crc32 }) => crc32),
  );
}
