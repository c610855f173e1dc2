import { Button, Checkbox, NumberInput, SegmentedControl } from '@mantine/core';
import { IconArrowsSplit } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import type { OpenedCheckpoint, ShardingRequest, ShardSource } from '../../electron/channels.ts';
import { startSharding } from '../actions.ts';
import { ask } from '../bridge.ts';
import { PlaceHeader } from '../components/place-header.tsx';
import { Field, FolderField } from '../job-form/fields.tsx';
import styles from '../job-form/job-form.module.css';
import { JobColumns } from '../job-form/job-columns.tsx';
import { useJobForm, type JobSteps } from '../job-form/use-job-form.ts';
import { EMPTY_FORM, requestOf, type FormState } from './choices.ts';

const CHECKS = [
  'Every element of every rank’s tensors comes from exactly one place',
  'The files are marked as done only when all of them are whole',
];

const HINT = 'Choose a folder with Hugging Face weights, or with adapters, to see what would be written.';

const STEPS: JobSteps<ShardingRequest> = {
  preview: (request) => ask('sharding:preview', request),
  start: startSharding,
};

type Change = (changes: Partial<FormState>) => void;

/** Sizes on the left, the files they give on the right. Needs no open checkpoint: Hugging Face weights can be sharded too. */
export function ReshardPlace({ opened }: { readonly opened: OpenedCheckpoint | null }) {
  const [form, setForm] = useState<FormState>(EMPTY_FORM);
  const change: Change = (changes) => setForm((known) => ({ ...known, ...changes }));
  const job = useJobForm(form, requestOf, STEPS);
  return (
    <div className={styles.page}>
      <PlaceHeader
        title="Reshard"
        answer="Writes a sharded checkpoint as a training run saves it, for the parallel sizes that you choose."
        actions={
          <Button leftSection={<IconArrowsSplit size={16} />} disabled={!job.isReady} onClick={job.start}>
            Start
          </Button>
        }
      />
      <JobColumns job={job} checks={CHECKS} hint={form.source ? null : HINT}>
        <Source opened={opened} form={form} change={change} />
        <Sizes form={form} change={change} />
      </JobColumns>
    </div>
  );
}

interface PartProps {
  readonly form: FormState;
  readonly change: Change;
}

function Source({ opened, form, change }: PartProps & { readonly opened: OpenedCheckpoint | null }) {
  const { source } = form;
  const [from, setFrom] = useState<ShardSource['from']>(opened ? 'checkpoint' : 'hugging-face');
  const checkpoint = opened?.checkpoint;
  useEffect(() => {
    if (from !== 'checkpoint' || checkpoint === undefined) return undefined;
    let isCurrent = true;
    void ask('sharding:from-checkpoint', checkpoint).then((found) => {
      if (isCurrent) change({ source: found, out: found.suggestedOutput });
    });
    return () => {
      isCurrent = false;
    };
    // `change` is a new function at each drawing and does the same.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [from, checkpoint]);
  const choose = async (): Promise<void> => {
    const found = await ask('sharding:choose-source');
    if (found) change({ source: found, out: found.suggestedOutput });
  };
  return (
    <>
      {opened && (
        <Field label="From">
          <SegmentedControl
            aria-label="From"
            value={from}
            data={[
              { value: 'checkpoint', label: 'This checkpoint' },
              { value: 'hugging-face', label: 'Hugging Face folder' },
            ]}
            onChange={(chosen) => {
              setFrom(chosen);
              change({ source: null, out: '' });
            }}
          />
        </Field>
      )}
      {from === 'hugging-face' && (
        <>
          <FolderField
            label="Hugging Face folder"
            hint="Weights with their config.json, adapters, or both"
            folder={source?.folder ?? 'None chosen'}
            choose={choose}
          />
          <FolderField
            label="Base model"
            hint="For adapters: the folder whose config.json says what they belong to"
            folder={form.config ?? 'config.json beside the weights'}
            choose={async () => {
              const config = await ask('folder:choose', 'base-model');
              if (config !== null) change({ config });
            }}
          />
        </>
      )}
      {source && (
        <FolderField
          label="Output folder"
          folder={form.out}
          choose={async () => {
            const out = await ask('folder:choose', 'output');
            if (out !== null) change({ out });
          }}
        />
      )}
    </>
  );
}

function Sizes({ form, change }: PartProps) {
  const number = (
    field: 'tensorParallelSize' | 'pipelineParallelSize' | 'virtualPipelineParallelSize' | 'kvSizeMultiplier',
  ) => ({
    value: form[field],
    min: 1,
    allowDecimal: false,
    onChange: (value: number | string) => change({ [field]: value }),
  });
  return (
    <>
      <NumberInput label="Tensor parallel size" {...number('tensorParallelSize')} />
      <NumberInput label="Pipeline parallel size" {...number('pipelineParallelSize')} />
      <NumberInput
        label="Virtual pipeline parallel size"
        description="Chunks of layers on each pipeline stage"
        {...number('virtualPipelineParallelSize')}
      />
      <NumberInput
        label="KV size multiplier"
        description="How often KV heads are repeated; empty: as often as needed"
        placeholder="auto"
        {...number('kvSizeMultiplier')}
      />
      <Checkbox
        label="Fuse q, k and v"
        description="One parameter, as fuse_qkv saves"
        checked={form.fuseQkv}
        onChange={(event) => change({ fuseQkv: event.currentTarget.checked })}
      />
      <Checkbox
        label="One file per tensor"
        description="As use_xser saves"
        checked={form.xser}
        onChange={(event) => change({ xser: event.currentTarget.checked })}
      />
      <Checkbox
        label="Replace files of the same names"
        checked={form.replace}
        onChange={(event) => change({ replace: event.currentTarget.checked })}
      />
    </>
  );
}
