import { Button, SegmentedControl, Select, Skeleton } from '@mantine/core';
import { IconPackageExport } from '@tabler/icons-react';
import { useState } from 'react';
import type { OpenedCheckpoint } from '../../electron/channels.ts';
import type { AdapterDetail, AdapterSummary, PartName } from '../../src-core/index.ts';
import { EmptyPlace, PlaceHeader } from '../components/place-header.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { exportPart } from '../consolidate/form-store.ts';
import { showPlace } from '../stores/session.ts';
import { useAnswer } from '../use-answer.ts';
import { LayerPicture } from '../values/layer-picture.tsx';
import styles from './adapters.module.css';
import { ConfigCompare } from './config-compare.tsx';
import { MergeForm } from './merge-form.tsx';
import { normItems, normReadout } from './norm-items.tsx';
import { answerOf, sharedGroups, targetsText, valuesOf } from './words.ts';

type Tab = 'updates' | 'config' | 'merge';

/** The LoRA adapters of the checkpoint: what they change, their configs, export and merge. */
export function AdaptersPlace({ opened }: { readonly opened: OpenedCheckpoint }) {
  const { adapters } = opened.summary;
  const [chosen, setChosen] = useState<PartName | null>(adapters[0]?.part ?? null);
  if (chosen === null) {
    return (
      <EmptyPlace title="Adapters">
        This checkpoint holds a full model and no LoRA adapters. Where training saves some, they stand in folders called
        adapter_<em>name</em> beside the shards.
      </EmptyPlace>
    );
  }
  return <Adapter key={chosen} opened={opened} adapters={adapters} part={chosen} onChoose={setChosen} />;
}

interface AdapterProps {
  readonly opened: OpenedCheckpoint;
  readonly adapters: readonly AdapterSummary[];
  readonly part: PartName;
  readonly onChoose: (part: PartName) => void;
}

function Adapter({ opened, adapters, part, onChoose }: AdapterProps) {
  const [tab, setTab] = useState<Tab>('updates');
  const { value: detail, problem } = useAnswer('adapter:detail', { checkpoint: opened.checkpoint, part });
  return (
    <div className={styles.page}>
      <PlaceHeader
        title="Adapters"
        answer={detail ? answerOf(detail) : 'Reading what the adapter holds.'}
        actions={
          <Button
            leftSection={<IconPackageExport size={16} />}
            disabled={!detail}
            onClick={() => {
              exportPart(opened, part);
              showPlace('consolidate');
            }}
          >
            Export…
          </Button>
        }
      />
      <div className={styles.choice}>
        {adapters.length > 1 && (
          <Select
            aria-label="Adapter"
            data={adapters.map(({ part: value, name }) => ({ value, label: name }))}
            value={part}
            allowDeselect={false}
            onChange={(value) => {
              if (value !== null) onChoose(value);
            }}
          />
        )}
        <SegmentedControl
          aria-label="What is shown"
          value={tab}
          data={[
            { value: 'updates', label: 'Updates' },
            { value: 'config', label: 'Config' },
            { value: 'merge', label: 'Merge' },
          ]}
          onChange={setTab}
        />
      </div>
      {problem && <ProblemCard problem={problem} />}
      {!detail && !problem && <Skeleton height={200} />}
      {detail && tab === 'updates' && <Updates opened={opened} part={part} detail={detail} />}
      {detail && tab === 'config' && <ConfigCompare detail={detail} />}
      {detail && tab === 'merge' && <MergeForm opened={opened} adapter={detail.name} />}
    </div>
  );
}

interface UpdatesProps {
  readonly opened: OpenedCheckpoint;
  readonly part: PartName;
  readonly detail: AdapterDetail;
}

function Updates({ opened, part, detail }: UpdatesProps) {
  const { modules, others, original } = detail;
  const { value: norms, problem } = useAnswer('adapter:norms', { checkpoint: opened.checkpoint, part });
  const shared = sharedGroups(modules);
  return (
    <>
      <dl className={styles.facts}>
        <Fact name="Rank" value={valuesOf(modules, 'rank')} />
        <Fact name="Alpha" value={valuesOf(modules, 'alpha')} />
        <Fact name="Scaling" value={valuesOf(modules, 'scaling')} />
        <Fact
          name="Targets"
          value={original ? targetsText(original.target_modules) : 'no adapter_config.json'}
          isWide
        />
      </dl>
      {shared.length > 0 && (
        <p className={styles.note}>
          {shared.join('; and ')}: training holds each of these groups as one linear with one lora_A, so after export
          they have the same. An adapter that was made elsewhere, with a lora_A of its own for each, had them averaged
          when training loaded it.
        </p>
      )}
      {problem && <ProblemCard problem={problem} />}
      <section aria-label="Updates">
        <h2>How far training moved each weight</h2>
        <p className="quiet">
          The norm of what is added to a weight: scaling times B·A. {norms ? '' : 'Working it out.'}
        </p>
        {modules.length > 0 && (
          <LayerPicture items={normItems(modules, norms ?? [])} label="Norms of the updates" readout={normReadout} />
        )}
      </section>
      {others.length > 0 && (
        <section aria-label="Beside the LoRA matrices">
          <h2>Beside the LoRA matrices</h2>
          <p className="quiet">Trained whole, or parts of a variant of LoRA. They are exported as they are.</p>
          <ul className={styles.others}>
            {others.map((name) => (
              <li key={name} className="mono selectable">
                {name}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

interface FactProps {
  readonly name: string;
  readonly value: string;
  readonly isWide?: boolean;
}

function Fact({ name, value, isWide = false }: FactProps) {
  return (
    <div data-wide={isWide || undefined}>
      <dt>{name}</dt>
      <dd className={isWide ? 'mono selectable' : 'selectable'}>{value}</dd>
    </div>
  );
}
