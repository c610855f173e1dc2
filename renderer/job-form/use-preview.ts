import { useDebouncedValue } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import type { OutputPreview } from '../../electron/channels.ts';
import { problemOf } from '../bridge.ts';

/** How long a form must rest before what it would write is worked out, in milliseconds. */
const REST_MS = 150;

export interface PreviewState {
  /** What was last worked out; null until there is something. */
  readonly preview: OutputPreview | null;
  /** Whether that is for the form as it stands. */
  readonly isCurrent: boolean;
}

/**
 * What a form would write, worked out anew when it has rested for a moment. `asked` gives the request for the form, or null where
 * there is nothing to ask yet; it must stay the same function while the rest of the form does.
 */
export function usePreview<Form>(form: Form, asked: (form: Form) => Promise<OutputPreview> | null): PreviewState {
  const [rested] = useDebouncedValue(form, REST_MS);
  const [known, setKnown] = useState<{ readonly form: Form; readonly preview: OutputPreview } | null>(null);
  useEffect(() => {
    const answer = asked(rested);
    if (!answer) return undefined;
    let isCurrent = true;
    answer.then(
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
  }, [asked, rested]);
  return { preview: known?.preview ?? null, isCurrent: known?.form === form };
}

function nothingBut(problem: OutputPreview['problem']): OutputPreview {
  return {
    files: [],
    companions: [],
    bytes: 0,
    freeBytes: null,
    leftBytes: 0,
    existing: [],
    command: '',
    findings: [],
    problem,
  };
}
