import { useCallback, useState } from 'react';
import type { OutputPreview } from '../../electron/channels.ts';
import type { Problem } from '../../src-core/index.ts';
import { problemOf } from '../bridge.ts';
import { usePreview } from './use-preview.ts';

/** What becomes of a form's request. Both must stay the same functions. */
export interface JobSteps<Request> {
  readonly preview: (request: Request) => Promise<OutputPreview>;
  readonly start: (request: Request) => Promise<void>;
}

/** A form that starts a job, as it stands. */
export interface JobForm {
  readonly preview: OutputPreview | null;
  /** Nothing is missing, and what would be written is known and has no problem. */
  readonly isReady: boolean;
  /** Why it could not be started, where that was tried. */
  readonly failure: Problem | null;
  /** Does nothing unless it is ready. */
  readonly start: () => void;
}

/** `requestOf` gives the request for a form, or null where something is missing; it must stay the same function while what it uses does. */
export function useJobForm<Form, Request>(
  form: Form,
  requestOf: (form: Form) => Request | null,
  steps: JobSteps<Request>,
): JobForm {
  const [failure, setFailure] = useState<Problem | null>(null);
  const asked = useCallback(
    (rested: Form) => {
      const request = requestOf(rested);
      return request && steps.preview(request);
    },
    [requestOf, steps],
  );
  const { preview, isCurrent } = usePreview(form, asked);
  const request = requestOf(form);
  const isReady = request !== null && isCurrent && preview?.problem === null;
  const start = (): void => {
    if (!isReady) return;
    steps.start(request).catch((error: unknown) => {
      setFailure(problemOf(error));
    });
  };
  return { preview, isReady, failure, start };
}
