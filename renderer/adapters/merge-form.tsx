import { Button, Checkbox, NumberInput, Select } from '@mantine/core';
import { IconGitMerge } from '@tabler/icons-react';
import { useCallback, useEffect, useState } from 'react';
import type { MergeRequest, OpenedCheckpoint } from '../../electron/channels.ts';
import type { DType } from '../../src-core/index.ts';
import { startMerge } from '../actions.ts';
import { ask } from '../bridge.ts';
import { OUTPUT_DTYPES } from '../job-form/dtypes.ts';
import { FolderField } from '../job-form/fields.tsx';
import { JobColumns } from '../job-form/job-columns.tsx';
import { useJobForm, type JobSteps } from '../job-form/use-job-form.ts';

const CHECKS = [
  'Every weight gets its product once, in float32 or float64, and is rounded once',
  'NaN and Inf are counted, and each tensor gets a digest',
];

const HINT = 'Choose the base model to see what would be written.';

const STEPS: JobSteps<MergeRequest> = {
  preview: (request) => ask('merge:preview', request),
  start: startMerge,
};

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

/** Adds the adapter to a base model. */
export function MergeForm({ opened, adapter }: MergeFormProps) {
  const { checkpoint, summary } = opened;
  const ownModel = summary.model !== null;
  const [form, setForm] = useState<FormState>({ base: null, out: '', weight: 1, dtype: null, replace: false });
  const change = (changes: Partial<FormState>): void => setForm((known) => ({ ...known, ...changes }));
  useEffect(() => {
    void ask('merge:suggest', checkpoint).then((out) => setForm((known) => ({ ...known, out })));
  }, [checkpoint]);
  const requestOf = useCallback(
    ({ base, out, weight, dtype, replace }: FormState): MergeRequest | null => {
      if (out === '' || (base === null && !ownModel) || weight === '' || !Number.isFinite(Number(weight))) return null;
      return { checkpoint, base, out, adapters: [{ name: adapter, weight: Number(weight) }], dtype, replace };
    },
    [adapter, checkpoint, ownModel],
  );
  const job = useJobForm(form, requestOf, STEPS);
  const choose = async (purpose: 'base-model' | 'output'): Promise<void> => {
    const folder = await ask('folder:choose', purpose);
    if (folder !== null) change(purpose === 'output' ? { out: folder } : { base: folder });
  };
  return (
    <JobColumns job={job} checks={CHECKS} hint={requestOf(form) ? null : HINT}>
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
      <Button type="submit" leftSection={<IconGitMerge size={16} />} disabled={!job.isReady}>
        Merge
      </Button>
    </JobColumns>
  );
}
