import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Phase, Progress } from '../execute/progress.ts';
import { partNameOf, type PartName } from '../plan/part-name.ts';

type Follow = (progress: Progress) => void;

/** What is told of a consolidation, and of the round trip that proves it. */
export interface RoundTripPhases {
  readonly writing: Follow;
  readonly proving: Follow;
}

/**
 * Makes one progress of a consolidation and its proof, so that the share that is done never falls: the bytes of both count from
 * the start. Proving reads every stored byte and the one that is made anew for it. `parts`: those that are consolidated; absent: all.
 */
export function roundTripPhases(
  { model, adapters }: Pick<Checkpoint, 'model' | 'adapters'>,
  parts: readonly PartName[] | undefined,
  follow: Follow,
): RoundTripPhases {
  const states = [...(model ? [model] : []), ...adapters];
  const covered = states.filter((state) => parts?.includes(partNameOf(state)) ?? true);
  const toProve = covered.reduce((sum, { bytes }) => sum + 2 * bytes, 0);
  let written = 0;
  return {
    writing: (progress) => {
      written = progress.bytesTotal;
      follow(inPhase(progress, { name: 'writing', number: 1, count: 2 }, 0, written + toProve));
    },
    proving: (progress) => {
      // Of two tied weights one may be read: the total that was told stays the total.
      const share = progress.bytesTotal === 0 ? 1 : progress.bytesDone / progress.bytesTotal;
      const bytesDone = Math.round(share * toProve);
      follow(inPhase({ ...progress, bytesDone }, { name: 'proving', number: 2, count: 2 }, written, written + toProve));
    },
  };
}

function inPhase(progress: Progress, phase: Phase, before: number, bytesTotal: number): Progress {
  const bytesDone = before + progress.bytesDone;
  const { rate } = progress;
  return { bytesDone, bytesTotal, rate, secondsLeft: rate > 0 ? (bytesTotal - bytesDone) / rate : null, phase };
}
