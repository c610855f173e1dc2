import { useDebouncedValue } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import type { CheckpointId, ConsolidationPreview } from '../../electron/channels.ts';
import { ask, problemOf } from '../bridge.ts';
import { choicesOf, type FormState } from './choices.ts';

/** How long the form must rest before what it would write is worked out, in milliseconds. */
const REST_MS = 150;

export interface PreviewState {
  /** What was last worked out; null until there is something. */
  readonly preview: ConsolidationPreview | null;
  /** Whether that is for the form as it stands. */
  readonly isCurrent: boolean;
}

/** What the form would write, worked out anew when it has rested for a moment. */
export function usePreview(checkpoint: CheckpointId, form: FormState): PreviewState {
  const [rested] = useDebouncedValue(form, REST_MS);
  const [known, setKnown] = useState<{ readonly form: FormState; readonly preview: ConsolidationPreview } | null>(null);
  useEffect(() => {
    const choices = choicesOf(rested);
    if (!choices) return undefined;
    let isCurrent = true;
    ask('consolidation:preview', { checkpoint, out: rested.out, choices }).then(
      (preview) => {
        if (isCurrent) setKnown({ form: rested, preview });
      },
      (error: unknown) => {
        if (isCurrent) setKnown({ form: rested, preview: nothingBut(problemOf(error)) });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [checkpoint, rested]);
  return { preview: known?.preview ?? null, isCurrent: known?.form === form };
}

function nothingBut(problem: ConsolidationPreview['problem']): ConsolidationPreview {
  return { files: [], companions: [], bytes: 0, freeBytes: null, existing: [], command: '', findings: [], problem };
}
