import { Button, Checkbox, NumberInput, SegmentedControl, Select } from '@mantine/core';
import { IconArrowMerge } from '@tabler/icons-react';
import { useCallback } from 'react';
import type { ConsolidationRequest, OpenedCheckpoint } from '../../electron/channels.ts';
import { startConsolidation } from '../actions.ts';
import { ask } from '../bridge.ts';
import { PlaceHeader } from '../components/place-header.tsx';
import { OUTPUT_DTYPES } from '../job-form/dtypes.ts';
import { Field, FolderField } from '../job-form/fields.tsx';
import styles from '../job-form/job-form.module.css';
import { JobColumns } from '../job-form/job-columns.tsx';
import { useJobForm, type JobSteps } from '../job-form/use-job-form.ts';
import { canVerify, choicesOf, partsOfSummary, type FormState } from './choices.ts';
import { useForm } from './form-store.ts';

const CHECKS = [
  'Every element of every tensor comes from exactly one place',
  'All copies on other ranks equal what is taken, byte for byte',
  'NaN and Inf are counted, and each tensor gets a digest',
];

const STEPS: JobSteps<ConsolidationRequest> = {
  preview: (request) => ask('consolidation:preview', request),
  start: startConsolidation,
};

export function ConsolidatePlace({ opened }: { readonly opened: OpenedCheckpoint }) {
  const { checkpoint, summary } = opened;
  const [form, change] = useForm(opened);
  const requestOf = useCallback(
    (filled: FormState): ConsolidationRequest | null => {
      const choices = choicesOf(filled);
      return choices && { checkpoint, out: filled.out, choices };
    },
    [checkpoint],
  );
  const job = useJobForm(form, requestOf, STEPS);
  return (
    <div className={styles.page}>
      <PlaceHeader
        title="Consolidate"
        answer="Joins the shards into Hugging Face weights. Nothing appears in the output folder until all of it is whole."
        actions={
          <Button leftSection={<IconArrowMerge size={16} />} disabled={!job.isReady} onClick={job.start}>
            Start
          </Button>
        }
      />
      <JobColumns job={job} checks={CHECKS} hint={null}>
        <FolderField
          label="Output folder"
          folder={form.out}
          choose={async () => {
            const out = await ask('consolidation:choose-output', checkpoint);
            if (out !== null) change({ out });
          }}
        />
        <Choices form={form} change={change} summary={summary} />
      </JobColumns>
    </div>
  );
}

interface ChoicesProps {
  readonly form: FormState;
  readonly change: (changes: Partial<FormState>) => void;
  readonly summary: OpenedCheckpoint['summary'];
}

function Choices({ form, change, summary }: ChoicesProps) {
  const offered = partsOfSummary(summary);
  return (
    <>
      {offered.length > 1 && (
        <Field label="What">
          <Checkbox.Group
            aria-label="What is consolidated"
            value={[...form.parts]}
            onChange={(chosen) => {
              change({ parts: offered.map(({ part }) => part).filter((part) => chosen.includes(part)) });
            }}
          >
            <div className={styles.checks}>
              {offered.map(({ part, name }) => (
                <Checkbox key={part} value={part} label={name} />
              ))}
            </div>
          </Checkbox.Group>
        </Field>
      )}
      <Field
        label="Format"
        hint={form.format === 'pytorch' ? 'torch.load(weights_only=True) reads it' : 'What Hugging Face reads first'}
      >
        <SegmentedControl
          aria-label="Format"
          value={form.format}
          data={['safetensors', 'pytorch']}
          onChange={(format) => {
            change({ format });
          }}
        />
      </Field>
      <NumberInput
        label="Largest file"
        description="A model is split so that no file is larger; an adapter is always one file"
        suffix=" GB"
        min={0.001}
        step={1}
        decimalScale={3}
        value={form.gigabytes}
        error={choicesOf({ ...form, parts: ['model'] }) ? null : 'Give a size above 0 GB'}
        onChange={(gigabytes) => {
          change({ gigabytes });
        }}
      />
      <Select
        label="Dtype"
        description="Floating point weights are converted, rounded to nearest even once"
        data={[...OUTPUT_DTYPES]}
        value={form.dtype ?? ''}
        onChange={(dtype) => {
          change({ dtype: dtype === '' ? null : dtype });
        }}
      />
      <Field
        label="Digest of each tensor"
        hint={
          form.digest === 'sha256'
            ? 'Withstands intent, takes about as long as copying'
            : 'Finds accidents, costs no time'
        }
      >
        <SegmentedControl
          aria-label="Digest of each tensor"
          value={form.digest}
          data={['xxh64', 'sha256']}
          onChange={(digest) => {
            change({ digest });
          }}
        />
      </Field>
      <Checkbox
        label="Prove the round trip"
        description={
          canVerify(form)
            ? 'Shards the result again and compares it with every byte of every rank: reads both once more'
            : 'For weights of the dtype that is stored'
        }
        disabled={!canVerify(form)}
        checked={form.verify && canVerify(form)}
        onChange={(event) => {
          change({ verify: event.currentTarget.checked });
        }}
      />
      <Checkbox
        label="Replace files of the same names"
        checked={form.replace}
        onChange={(event) => {
          change({ replace: event.currentTarget.checked });
        }}
      />
    </>
  );
}
