import { useState } from 'react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import type { CheckpointId, OpenedCheckpoint } from '../../electron/channels.ts';
import type { PartName } from '../../src-core/index.ts';
import { defaultForm, type FormState } from './choices.ts';

/** What was chosen for each checkpoint: it stays when the user looks at another place. */
const forms = createStore<Readonly<Record<CheckpointId, FormState>>>(() => ({}));

/** The form of a checkpoint, and how to change it. */
export function useForm({
  checkpoint,
  summary,
  suggestedOutput,
}: OpenedCheckpoint): readonly [FormState, (changes: Partial<FormState>) => void] {
  const known = useStore(forms, (state) => state[checkpoint]);
  // Kept, so that a form that nobody has touched is the same one at each drawing.
  const [untouched] = useState(() => defaultForm(suggestedOutput, summary));
  const form = known ?? untouched;
  const change = (changes: Partial<FormState>): void => {
    forms.setState((state) => ({ [checkpoint]: { ...(state[checkpoint] ?? form), ...changes } }));
  };
  return [form, change];
}

/** Fills the form for one part of the checkpoint, the rest as it was chosen. */
export function exportPart({ checkpoint, summary, suggestedOutput }: OpenedCheckpoint, part: PartName): void {
  forms.setState((state) => ({
    [checkpoint]: { ...(state[checkpoint] ?? defaultForm(suggestedOutput, summary)), parts: [part] },
  }));
}
