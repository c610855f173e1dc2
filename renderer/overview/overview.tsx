import { Button } from '@mantine/core';
import { IconArrowMerge, IconListDetails, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { OpenedCheckpoint } from '../../electron/channels.ts';
import type { AdapterSummary, CheckpointSummary, PartSummary } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatParameters, formatPlural } from '../../src-core/units.ts';
import { kvPlacementInWords } from '../../src-core/inspect/facts.ts';
import { reopen } from '../actions.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { PlaceHeader } from '../components/place-header.tsx';
import { InterruptedNotice } from '../jobs/interrupted-notice.tsx';
import { showPlace } from '../stores/session.ts';
import { answerOf } from './answer.ts';
import { Findings } from './findings.tsx';
import styles from './overview.module.css';
import { RankGrid } from './rank-grid.tsx';
import { baseModelOf, modelName } from './words.ts';

/** What the checkpoint is and whether it is whole, at a glance. */
export function Overview({ opened }: { readonly opened: OpenedCheckpoint }) {
  const { summary } = opened;
  const { model, adapters, findings, health } = summary;
  const shown = model ?? adapters[0];
  return (
    <div className={styles.page}>
      <PlaceHeader
        title="Overview"
        answer={answerOf(summary)}
        actions={
          <>
            {health === 'damaged' && (
              <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={() => void reopen()}>
                Read again
              </Button>
            )}
            <Button
              variant="default"
              leftSection={<IconListDetails size={16} />}
              onClick={() => {
                showPlace('parameters');
              }}
            >
              Parameters
            </Button>
            <Button
              leftSection={<IconArrowMerge size={16} />}
              disabled={health === 'damaged'}
              onClick={() => {
                showPlace('consolidate');
              }}
            >
              Consolidate…
            </Button>
          </>
        }
      />
      <InterruptedNotice />
      {shown && <Figures summary={summary} part={shown} />}
      {findings.length > 0 && <Findings findings={findings} />}
      {model && <Ranks part={model} folder={summary.folder} />}
      {adapters.length > 0 && <Adapters adapters={adapters} withModel={model !== null} folder={summary.folder} />}
    </div>
  );
}

function Figures({ summary, part }: { readonly summary: CheckpointSummary; readonly part: PartSummary }) {
  const base = baseModelOf(summary);
  const { parameters, tensors, consolidatedBytes, shardBytes, shardFiles, layers, xser, dtypes, kvPlacement } = part;
  return (
    <div className={styles.figuresBox}>
      <dl className={styles.figures}>
        <Figure
          label="Model"
          value={modelName(summary)}
          note={
            base === null ? dtypes.join(', ') || 'no tensors found' : <MiddleName text={`base: ${base}`} tail={20} />
          }
        />
        <Figure
          label="Parameters"
          value={parameters === null ? 'unknown' : formatParameters(parameters)}
          note={tensors === null ? 'cannot be joined' : `in ${formatPlural(tensors, 'tensor')}`}
        />
        <Figure
          label="Layers"
          value={layers === 0 && tensors === null ? 'unknown' : formatCount(layers)}
          note={tensors !== null ? kvNote(kvPlacement) : layers === 0 ? 'cannot be counted' : ''}
        />
        <Figure
          label="Parallel"
          value={`TP ${part.tensorParallelSize} × PP ${part.pipelineParallelSize}`}
          note={formatPlural(part.ranks.length, 'rank')}
        />
        <Figure
          label="Shards"
          value={formatBytes(shardBytes)}
          note={`${formatPlural(shardFiles, 'file')}, ${xser ? 'one per tensor (xser)' : 'one per rank'}`}
        />
        <Figure
          label="Consolidated"
          value={consolidatedBytes === null ? 'unknown' : formatBytes(consolidatedBytes)}
          note="without copies"
        />
      </dl>
    </div>
  );
}

function kvNote(placement: PartSummary['kvPlacement']): string {
  return placement === null ? 'KV heads not replicated' : `KV heads replicated, ${kvPlacementInWords(placement)}`;
}

function Figure({ label, value, note }: { readonly label: string; readonly value: string; readonly note: ReactNode }) {
  return (
    <div className={styles.figure}>
      <dt>{label}</dt>
      <dd className={styles.value}>{value}</dd>
      <dd className={styles.note}>{note}</dd>
    </div>
  );
}

function Ranks({ part, folder }: { readonly part: PartSummary; readonly folder: string }) {
  return (
    <section className={styles.section} aria-label="Ranks">
      <h2>Ranks</h2>
      <RankGrid part={part} folder={folder} />
    </section>
  );
}

interface AdaptersProps {
  readonly adapters: readonly AdapterSummary[];
  readonly withModel: boolean;
  readonly folder: string;
}

function Adapters({ adapters, withModel, folder }: AdaptersProps) {
  return (
    <section className={styles.section}>
      <h2>{withModel ? 'Adapters' : formatPlural(adapters.length, 'adapter')}</h2>
      {adapters.map((adapter) => (
        <article key={adapter.name} className={styles.adapter}>
          <h3>
            <MiddleName text={adapter.name} />
          </h3>
          <p className="quiet">
            LoRA{adapter.rank === null ? '' : ` rank ${adapter.rank}, alpha ${adapter.alpha ?? 'unknown'}`} ·{' '}
            {adapter.tensors === null ? 'cannot be joined' : formatPlural(adapter.tensors, 'tensor')} ·{' '}
            {formatBytes(adapter.consolidatedBytes ?? adapter.shardBytes)}
          </p>
          <RankGrid part={adapter} folder={folder} />
        </article>
      ))}
    </section>
  );
}
