import { Button, Progress, SegmentedControl, Skeleton } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconPlayerStop, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import type { Job, KeptReplicaCheck, OpenedCheckpoint } from '../../electron/channels.ts';
import type { Problem } from '../../src-core/index.ts';
import { isShown, kvPlacementInWords } from '../../src-core/inspect/facts.ts';
import { formatDuration, formatBytes } from '../../src-core/units.ts';
import { startReplicaCheck } from '../actions.ts';
import { ask, problemOf } from '../bridge.ts';
import { EmptyPlace, PlaceHeader } from '../components/place-header.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { progressShare, progressText } from '../jobs/progress-text.ts';
import { showPlace } from '../stores/session.ts';
import { timeAgo } from '../welcome/time-ago.ts';
import styles from './replicas.module.css';
import { ReplicaTable } from './replica-table.tsx';
import { useReplicaCheck } from './use-replica-check.ts';
import { answerOf } from './words.ts';

/** Whether everything that the ranks hold in common is equal. */
export function ReplicasPlace({ opened }: { readonly opened: OpenedCheckpoint }) {
  const { checkpoint, folder } = opened;
  const { kept, isKnown, problem, running, failed } = useReplicaCheck(checkpoint, folder);
  const [failure, setFailure] = useState<Problem | null>(null);
  const start = (): void => {
    setFailure(null);
    startReplicaCheck(checkpoint).catch((error: unknown) => {
      setFailure(problemOf(error));
    });
  };
  if (opened.parameterCount === 0) {
    return (
      <EmptyPlace title="Replicas" action={<Button onClick={() => showPlace('overview')}>Overview</Button>}>
        The copies cannot be compared: a shard is missing or damaged, or the files do not fit together. The overview
        says which.
      </EmptyPlace>
    );
  }
  const shown = failure ?? problem ?? (running ? null : (failed?.problem ?? null));
  if (!isKnown) return <Skeleton height={200} m={24} />;
  if (!kept && !running && !shown) {
    return (
      <EmptyPlace title="Replicas" action={<Button onClick={start}>Compare all copies</Button>}>
        Ranks hold some things in common: parameters that are not parallel, replicated KV heads, a shared lora_A.
        Training keeps their copies equal. Comparing them reads them once and writes nothing.
      </EmptyPlace>
    );
  }
  return (
    <div className={styles.page}>
      <PlaceHeader
        title="Replicas"
        answer={kept ? answerOf(kept.check) : 'The copies have not been compared yet.'}
        actions={
          !running && (
            <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={start}>
              {kept ? 'Compare again' : 'Compare all copies'}
            </Button>
          )
        }
      />
      {shown && <ProblemCard problem={shown} />}
      {running && <Running job={running} />}
      {kept && <Kept kept={kept} />}
    </div>
  );
}

function Running({ job }: { readonly job: Job }) {
  return (
    <div className={styles.running}>
      <Progress value={progressShare(job) * 100} size="md" radius="sm" transitionDuration={100} aria-label="Progress" />
      <span>{job.state === 'queued' ? 'Waits for the job before it' : progressText(job)}</span>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<IconPlayerStop size={14} />}
        onClick={() => void ask('job:cancel', job.id)}
      >
        Cancel
      </Button>
    </div>
  );
}

function Kept({ kept: { check, checkedAt } }: { readonly kept: KeptReplicaCheck }) {
  const [only, setOnly] = useState<'all' | 'different'>('all');
  const different = check.replicas.filter(({ differences }) => differences.length > 0);
  const rows = only === 'different' ? different : check.replicas;
  return (
    <>
      <ul className={styles.facts} aria-label="Findings">
        {check.compared > 0 && (
          <Fact isGood={check.different === 0}>
            {check.different === 0 ? 'All copies are equal' : 'Copies differ: consolidation takes the first of them'}
          </Fact>
        )}
        {check.kvPlacements.map((found) => (
          <Fact key={found.part} isGood={isShown(found)}>
            {`KV heads of ${found.part.replace(':', ' ')}: ${kvPlacementInWords(found)}`}
          </Fact>
        ))}
        <li className="quiet">
          {formatBytes(check.bytes)} compared in {formatDuration(check.seconds)}, {timeAgo(checkedAt, Date.now())}; the
          files have not changed since
        </li>
      </ul>
      {check.findings.map((finding, index) => (
        <ProblemCard key={index} problem={finding} severity={finding.severity} />
      ))}
      {different.length > 0 && (
        <SegmentedControl
          className={styles.only}
          aria-label="Which are shown"
          value={only}
          data={[
            { value: 'all', label: `All ${check.replicas.length}` },
            { value: 'different', label: `Different ${different.length}` },
          ]}
          onChange={setOnly}
        />
      )}
      <ReplicaTable rows={rows} />
    </>
  );
}

function Fact({ isGood, children }: { readonly isGood: boolean; readonly children: string }) {
  return (
    <li data-good={isGood}>
      {isGood ? (
        <IconCheck size={16} stroke={2.2} aria-label="Proved" />
      ) : (
        <IconAlertTriangle size={16} aria-label="Look at this" />
      )}
      {children}
    </li>
  );
}
