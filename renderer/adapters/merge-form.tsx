import { Button, Checkbox, NumberInput, Select } from '@mantine/core';
import { IconGitMerge } from '@tabler/icons-react';
import { useCallback, useEffect, useState } from 'react';
import type { MergeRequest, OpenedCheckpoint, OutputPreview } from '../../electron/channels.ts';
import type { DType, Problem } from '../../src-core/index.ts';
import { startMerge } from '../actions.ts';
import { ask, problemOf } from '../bridge.ts';
import { OUTPUT_DTYPES } from '../job-form/dtypes.ts';
import { FolderField } from '../job-form/fields.tsx';
import styles from '../job-form/job-form.module.css';
import { Preview } from '../job-form/preview.tsx';
import { usePreview } from '../job-form/use-preview.ts';

const CHECKS = [
  'Every weight gets its product once, in float32 or float64, and is rounded once',
  'NaN and Inf are counted, and each tensor gets a digest',
];

interface FormState {
  readonly base: string | null;
  readonly out: string;
  readonly weight: number | string;
  readonly dtype: DType | null;
  readonly replace: boolean;
}

interface MergeFormProps {
  readonly opened: OpenedCheckpoint;
  /** The adapter by its name. */
  readonly adapter: string;
}

/** Adds the adapter to a base model: the form on the left, what it would write on the right. */
export function MergeForm({ opened, adapter }: MergeFormProps) {
  const { checkpoint, summary } = opened;
  const ownModel = summary.model !== null;
  const [form, setForm] = useState<FormState>({ base: null, out: '', weight: 1, dtype: null, replace: false });
  const [failure, setFailure] = useState<Problem | null>(null);
  const change = (changes: Partial<FormState>): void => setForm((known) => ({ ...known, ...changes }));
  useEffect(() => {
    void ask('merge:suggest', checkpoint).then((out) => setForm((known) => ({ ...known, out })));
  }, [checkpoint]);
  const requestFor = useCallback(
    ({ base, out, weight, dtype, replace }: FormState): MergeRequest | null => {
      if (out === '' || (base === null && !ownModel) || weight === '' || !Number.isFinite(Number(weight))) return null;
      return { checkpoint, base, out, adapters: [{ name: adapter, weight: Number(weight) }], dtype, replace };
    },
    [adapter, checkpoint, ownModel],
  );
  const asked = useCallback(
    (rested: FormState): Promise<OutputPreview> | null => {
      const request = requestFor(rested);
      return request && ask('merge:preview', request);
    },
    [requestFor],
  );
  const { preview, isCurrent } = usePreview(form, asked);
  const request = requestFor(form);
  const isReady = request !== null && isCurrent && preview?.problem === null;
  const choose = async (purpose: 'base-model' | 'output'): Promise<void> => {
    const folder = await ask('folder:choose', purpose);
    if (folder !== null) change(purpose === 'output' ? { out: folder } : { base: folder });
  };
  return (
    <div className={styles.columns}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!isReady) return;
          startMerge(request).catch((error: unknown) => {
            setFailure(problemOf(error));
          });
        }}
      >
        <FolderField
          label="Base model"
          hint="The folder of the model that the adapter was trained on"
          folder={form.base ?? (ownModel ? 'the model of this checkpoint' : 'None chosen')}
          choose={() => choose('base-model')}
        />
        <FolderField label="Output folder" folder={form.out} choose={() => choose('output')} />
        <NumberInput
          label="Weight"
          description="1 adds the adapter as it was trained"
          step={0.1}
          value={form.weight}
          onChange={(weight) => change({ weight })}
        />
        <Select
          label="Dtype"
          description="What the merged weights are rounded to"
          data={[...OUTPUT_DTYPES]}
          value={form.dtype ?? ''}
          onChange={(dtype) => change({ dtype: dtype === '' ? null : dtype })}
        />
        <Checkbox
          label="Replace files of the same names"
          checked={form.replace}
          onChange={(event) => change({ replace: event.currentTarget.checked })}
        />
        <Button type="submit" leftSection={<IconGitMerge size={16} />} disabled={!isReady}>
          Merge
        </Button>
      </form>
      {request ? (
        <Preview preview={preview} checks={CHECKS} failure={failure} />
      ) : (
        <p className="quiet">Choose the base model to see what would be written.</p>
      )}
    </div>
  );
}
