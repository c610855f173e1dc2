import { useDebouncedValue } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import type { CheckpointId, ConsolidationPreview } from '../../electron/channels.ts';
import { ask, problemOf } from '../bridge.ts';
import { choicesOf, type FormState } from './choices.ts';

/** How long the form must rest before what it would write is worked out, in milliseconds. */
const REST_MS = 150;

/** What the form would write; null while that is not known for the form as it stands. */
export function usePreview(checkpoint: CheckpointId, form: FormState): ConsolidationPreview | null {
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
  return known?.preview ?? null;
}

function nothingBut(problem: ConsolidationPreview['problem']): ConsolidationPreview {
  return { files: [], companions: [], bytes: 0, freeBytes: null, existing: [], command: '', findings: [], problem };
}
