import { Select } from '@mantine/core';
import type { OpenedCheckpoint } from '../../electron/channels.ts';
import type { HeldTensor, PartSummary, RankContent } from '../../src-core/index.ts';
import { formatBytes, formatPlural } from '../../src-core/units.ts';
import { EmptyPlace, PlaceHeader } from '../components/place-header.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { Split } from '../components/split.tsx';
import { useEscape } from '../escape.ts';
import type { ShownShard } from '../stores/place-states.ts';
import { showShard } from '../stores/session.ts';
import { usePlace } from '../stores/use-place.ts';
import { useAnswer } from '../use-answer.ts';
import styles from './shards.module.css';
import { TensorList } from './tensor-list.tsx';
import { TensorView } from './tensor-view.tsx';

/** What each rank has stored: its files, its tensors as they are, and their values. */
export function ShardsPlace({ opened }: { readonly opened: OpenedCheckpoint }) {
  const { folder, summary } = opened;
  const parts = [...(summary.model ? [summary.model] : []), ...summary.adapters];
  const [{ shown: asked }] = usePlace('shards', folder);
  const part = parts.find((candidate) => candidate.part === asked?.part) ?? parts[0];
  if (!part) return <EmptyPlace title="Shards">This folder holds no shards.</EmptyPlace>;
  const shown: ShownShard =
    asked?.part === part.part ? asked : { part: part.part, rank: { tp: 0, pp: 0 }, tensor: null };
  return <OneRank opened={opened} part={part} parts={parts} shown={shown} />;
}

interface OneRankProps {
  readonly opened: OpenedCheckpoint;
  readonly part: PartSummary;
  readonly parts: readonly PartSummary[];
  readonly shown: ShownShard;
}

function OneRank({ opened: { checkpoint, folder }, part, parts, shown }: OneRankProps) {
  const { rank } = shown;
  const { value: content, problem } = useAnswer('checkpoint:rank', { checkpoint, part: part.part, rank });
  const [{ isOpen, query, scroll }, change] = usePlace('shards', folder);
  useEscape(isOpen ? () => change({ isOpen: false }) : null);
  const tensor = content?.tensors.find(({ name }) => name === shown.tensor) ?? content?.tensors[0];
  const pick = ({ name }: HeldTensor): void => {
    showShard({ ...shown, tensor: name });
  };
  return (
    <div className={styles.page}>
      <PlaceHeader
        title="Shards"
        answer={answerOf(content, part, rank)}
        actions={<RankPicker {...{ part, parts, shown }} />}
      />
      {problem && <ProblemCard problem={problem} />}
      {content && content.tensors.length === 0 && (
        <p className={styles.none}>
          Nothing of this rank was read: a shard is missing or damaged. The overview says which.
        </p>
      )}
      {content && tensor && (
        <Split
          id="shards"
          sideSize={500}
          leastSide={360}
          side={
            isOpen ? (
              <TensorView
                key={`${part.part} ${rank.tp} ${rank.pp} ${tensor.name}`}
                checkpoint={checkpoint}
                part={part.part}
                rank={rank}
                tensor={tensor}
              />
            ) : undefined
          }
        >
          <TensorList
            content={content}
            shown={tensor}
            isOpen={isOpen}
            query={query}
            onQuery={(next) => change({ query: next })}
            onPick={pick}
            scroll={{ offset: scroll, keep: (offset) => change({ scroll: offset }) }}
          />
        </Split>
      )}
    </div>
  );
}

function answerOf(content: RankContent | null, part: PartSummary, { tp, pp }: ShownShard['rank']): string {
  const who = `TP rank ${tp}${part.pipelineParallelSize > 1 ? `, pipeline rank ${pp}` : ''}`;
  if (!content) return who;
  const { tensors, files, bytes } = content;
  return `${who} has stored ${formatPlural(tensors.length, 'tensor')}, ${formatBytes(bytes)}, in ${formatPlural(files.length, 'file')}.`;
}

interface RankPickerProps {
  readonly part: PartSummary;
  readonly parts: readonly PartSummary[];
  readonly shown: ShownShard;
}

function RankPicker({ part, parts, shown }: RankPickerProps) {
  const { rank } = shown;
  const numbers = (count: number, name: string): { value: string; label: string }[] =>
    Array.from({ length: count }, (_, number) => ({ value: String(number), label: `${name} ${number}` }));
  return (
    <div className={styles.pickers}>
      {parts.length > 1 && (
        <Select
          aria-label="Model or adapter"
          className={styles.partPicker}
          data={parts.map(({ part: name }) => name)}
          value={part.part}
          allowDeselect={false}
          onChange={(name) => {
            const next = parts.find((candidate) => candidate.part === name);
            if (next) showShard({ part: next.part, rank: { tp: 0, pp: 0 }, tensor: null });
          }}
        />
      )}
      <Select
        aria-label="TP rank"
        className={styles.rankPicker}
        data={numbers(part.tensorParallelSize, 'TP')}
        value={String(rank.tp)}
        searchable
        allowDeselect={false}
        onChange={(tp) => {
          if (tp !== null) showShard({ ...shown, rank: { ...rank, tp: Number(tp) } });
        }}
      />
      {part.pipelineParallelSize > 1 && (
        <Select
          aria-label="Pipeline rank"
          className={styles.rankPicker}
          data={numbers(part.pipelineParallelSize, 'PP')}
          value={String(rank.pp)}
          searchable
          allowDeselect={false}
          onChange={(pp) => {
            if (pp !== null) showShard({ ...shown, rank: { ...rank, pp: Number(pp) } });
          }}
        />
      )}
    </div>
  );
}
