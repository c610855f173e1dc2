import { Button, Progress } from '@mantine/core';
import { IconFileExport, IconPlayerPlay } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import type { DiffSummary, Job } from '../../electron/channels.ts';
import type { DiffRow, Problem } from '../../src-core/index.ts';
import { formatBytes, formatDuration } from '../../src-core/units.ts';
import { startDiff } from '../actions.ts';
import { ask, problemOf } from '../bridge.ts';
import page from '../components/page.module.css';
import { PlaceHeader } from '../components/place-header.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { Split } from '../components/split.tsx';
import { progressShare, progressText } from '../jobs/progress-text.ts';
import { kindOf, layerOf } from '../components/layer-of.ts';
import { useEscape } from '../escape.ts';
import { diffSides } from '../stores/diff.ts';
import { jobs } from '../stores/jobs.ts';
import { session } from '../stores/session.ts';
import { usePlace } from '../stores/use-place.ts';
import { LayerPicture } from '../values/layer-picture.tsx';
import { DiffTable } from './diff-table.tsx';
import styles from './diff.module.css';
import { RowPanel } from './row-panel.tsx';
import { Sides } from './sides.tsx';
import { useDiffRows } from './use-rows.ts';
import { answerOf, figureText } from './words.ts';

/** Two folders compared tensor by tensor: totals, what moved most, and where. */
export function DiffPlace() {
  const opened = useStore(session, (state) => state.opened);
  const { left, right } = useStore(diffSides);
  const list = useStore(jobs, (state) => state.jobs);
  const [failure, setFailure] = useState<Problem | null>(null);
  useEffect(() => {
    if (left === null && opened) diffSides.setState({ left: opened.folder });
  }, [left, opened]);
  const job = list.find(({ work }) => work.kind === 'diff' && work.left === left && work.right === right) ?? null;
  const summary = job?.result?.kind === 'diff' ? job.result : null;
  const isBusy = job?.state === 'running' || job?.state === 'queued';
  const problem = failure ?? (job?.state === 'failed' ? job.problem : null);
  const start = (): void => {
    setFailure(null);
    if (left === null || right === null) return;
    startDiff({ left, right }).catch((error: unknown) => {
      setFailure(problemOf(error));
    });
  };
  return (
    <div className={page.full}>
      <PlaceHeader
        title="Diff"
        answer={
          summary ? answerOf(summary) : 'Compares two folders of weights: bytes first, then values. Nothing is written.'
        }
        actions={
          <>
            {job && summary && (
              <Button
                variant="default"
                leftSection={<IconFileExport size={16} />}
                onClick={() => void ask('diff:report', job.id)}
              >
                Save report…
              </Button>
            )}
            <Button
              leftSection={<IconPlayerPlay size={16} />}
              disabled={left === null || right === null || isBusy}
              onClick={start}
            >
              {summary ? 'Compare again' : 'Compare'}
            </Button>
          </>
        }
      />
      <Sides />
      {problem && <ProblemCard problem={problem} />}
      {!job && (
        <p className={styles.empty}>
          A side is a folder with Hugging Face weights, with an adapter, or with a sharded checkpoint, which is
          consolidated on the way. Compare a checkpoint with the model that training began with to see what moved, or a
          result with what it should be to see that nothing did.
        </p>
      )}
      {isBusy && <Running job={job} />}
      {job && summary && <Found key={job.id} job={job} summary={summary} about={`${left ?? ''} ${right ?? ''}`} />}
    </div>
  );
}

function Running({ job }: { readonly job: Job }) {
  return (
    <div className={styles.running}>
      <Progress value={progressShare(job) * 100} size="md" radius="sm" aria-label="Progress" />
      <p>{job.state === 'queued' ? 'Waits for the job before it' : progressText(job)}</p>
    </div>
  );
}

interface FoundProps {
  readonly job: Job;
  readonly summary: DiffSummary;
  /** The sides, by which the place's state is kept. */
  readonly about: string;
}

function Found({ job, summary, about }: FoundProps) {
  const rows = useDiffRows(job.id);
  const [state, change] = usePlace('diff', about);
  const shown = rows.find(({ name }) => name === state.shown) ?? rows[0] ?? null;
  const show = ({ name }: DiffRow): void => {
    change({ shown: name, isOpen: true });
  };
  useEscape(state.isOpen ? () => change({ isOpen: false }) : null);
  const items = rows.flatMap((row) => {
    const layer = layerOf(row.name);
    const kind = kindOf(row.name);
    return layer === null || kind === null || !row.values
      ? []
      : [{ name: row.name, layer, kind, value: row.values.relativeNorm, row }];
  });
  const moved = items.some(({ value }) => value !== null && value > 0);
  return (
    <Split
      id="diff"
      sideSize={400}
      leastSide={300}
      {...(shown && state.isOpen && { side: <RowPanel key={shown.name} job={job.id} row={shown} /> })}
    >
      <div className={styles.found}>
        <p className="quiet">
          {formatBytes(summary.bytes)} on both sides compared in {formatDuration(summary.seconds)}.
          {summary.leftOut.length > 0 && ` Not compared: ${summary.leftOut.join(', ')}.`}
        </p>
        {moved && (
          <LayerPicture
            items={items}
            label="Relative change of each weight"
            readout={({ name, value }) => (
              <>
                <span className="mono">{name}</span>{' '}
                {value === null ? 'has nothing to compare with' : `moved by ${figureText(value)} of its norm`}
              </>
            )}
            shown={state.isOpen ? (shown?.name ?? null) : null}
            onChoose={({ row }) => show(row)}
          />
        )}
        {rows.length > 0 && <DiffTable rows={rows} shown={shown} onShow={show} state={state} onChange={change} />}
      </div>
    </Split>
  );
}
