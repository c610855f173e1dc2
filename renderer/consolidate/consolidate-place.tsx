import { Button, Checkbox, NumberInput, SegmentedControl, Select } from '@mantine/core';
import { IconArrowMerge } from '@tabler/icons-react';
import { useId, useState, type ReactNode } from 'react';
import type { OpenedCheckpoint } from '../../electron/channels.ts';
import type { DType } from '../../src-core/index.ts';
import { startConsolidation } from '../actions.ts';
import { ask, problemOf } from '../bridge.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { PlaceHeader } from '../components/place-header.tsx';
import { canVerify, choicesOf, partsOfSummary, type FormState } from './choices.ts';
import styles from './consolidate.module.css';
import { useForm } from './form-store.ts';
import { Preview } from './preview.tsx';
import { usePreview } from './use-preview.ts';

const DTYPES: readonly { readonly value: DType | ''; readonly label: string }[] = [
  { value: '', label: 'As stored' },
  { value: 'BF16', label: 'bfloat16' },
  { value: 'F16', label: 'float16' },
  { value: 'F32', label: 'float32' },
  { value: 'F64', label: 'float64' },
];

/** The form on the left, what it would write on the right. */
export function ConsolidatePlace({ opened }: { readonly opened: OpenedCheckpoint }) {
  const { checkpoint, summary } = opened;
  const [form, change] = useForm(opened);
  const [failure, setFailure] = useState<ReturnType<typeof problemOf> | null>(null);
  const { preview, isCurrent } = usePreview(checkpoint, form);
  const choices = choicesOf(form);
  const start = (): void => {
    if (!choices) return;
    startConsolidation({ checkpoint, out: form.out, choices }).catch((error: unknown) => {
      setFailure(problemOf(error));
    });
  };
  const isReady = choices !== null && isCurrent && preview?.problem === null;
  return (
    <div className={styles.page}>
      <PlaceHeader
        title="Consolidate"
        answer="Joins the shards into Hugging Face weights. Nothing appears in the output folder until all of it is whole."
        actions={
          <Button leftSection={<IconArrowMerge size={16} />} disabled={!isReady} onClick={start}>
            Start
          </Button>
        }
      />
      <div className={styles.columns}>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (isReady) start();
          }}
        >
          <OutputFolder checkpoint={checkpoint} out={form.out} onChange={(out) => change({ out })} />
          <Choices form={form} change={change} summary={summary} />
        </form>
        <Preview preview={preview} failure={failure} />
      </div>
    </div>
  );
}

interface OutputFolderProps {
  readonly checkpoint: number;
  readonly out: string;
  readonly onChange: (out: string) => void;
}

function OutputFolder({ checkpoint, out, onChange }: OutputFolderProps) {
  const choose = async (): Promise<void> => {
    const chosen = await ask('consolidation:choose-output', checkpoint);
    if (chosen !== null) onChange(chosen);
  };
  return (
    <Field label="Output folder">
      <div className={styles.folder}>
        <MiddleName text={out} tail={32} className="mono" />
        <Button variant="default" onClick={() => void choose()}>
          Choose…
        </Button>
      </div>
    </Field>
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
        data={[...DTYPES]}
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
            : 'For a full model, of the dtype that is stored'
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

function Field({
  label,
  hint,
  children,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly children: ReactNode;
}) {
  const id = useId();
  return (
    <div className={styles.field} role="group" aria-labelledby={id}>
      <span className={styles.label} id={id}>
        {label}
      </span>
      {children}
      {hint !== undefined && <span className={styles.hint}>{hint}</span>}
    </div>
  );
}
