import { Button, Progress } from '@mantine/core';
import { IconFolder, IconPlayerPlay, IconPlayerStop, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import type { Job } from '../../electron/channels.ts';
import type { RoundTrip } from '../../src-core/index.ts';
import { retryJob } from '../actions.ts';
import { ask, problemOf } from '../bridge.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { DiffOutcome } from './diff-outcome.tsx';
import { mayHaveWritten, whatHappened, whatResumingDoes } from './interrupted-words.ts';
import { JobIcon, STATE_NAMES } from './job-state.tsx';
import styles from './jobs.module.css';
import { progressShare, progressText } from './progress-text.ts';
import { ReplicasOutcome } from './replicas-outcome.tsx';
import { Result } from './result.tsx';
import { WrittenOutcome } from './written-outcome.tsx';

/** One job whole: how far it is, what it made and how that was proved, or what went wrong. */
export function JobView({ job }: { readonly job: Job }) {
  const { state, result, problem } = job;
  return (
    <section className={styles.job} aria-label={`Job ${job.name}`}>
      <header className={styles.jobHeader}>
        <JobIcon state={state} />
        <h2>
          <span>{STATE_NAMES[state]}</span>
          <MiddleName text={job.name} tail={16} />
          {result?.kind === 'consolidate' && result.roundTrip && <ProofBadge roundTrip={result.roundTrip} />}
        </h2>
        <Actions job={job} />
      </header>
      <dl className={styles.facts}>
        <dt>From</dt>
        <dd className="selectable">
          <MiddleName text={job.folder} tail={40} className="mono" />
        </dd>
        {'out' in job.work && (
          <>
            <dt>Into</dt>
            <dd className="selectable">
              <MiddleName text={job.work.out} tail={40} className="mono" />
            </dd>
          </>
        )}
      </dl>
      {(state === 'running' || state === 'queued') && <Running job={job} />}
      {state === 'cancelled' && (
        <p className="quiet">Cancelled.{'out' in job.work && ' Nothing was left in the output folder.'}</p>
      )}
      {state === 'interrupted' && <Interrupted job={job} />}
      {state === 'failed' && problem && <ProblemCard problem={problem} job={job.id} />}
      {result?.kind === 'consolidate' && <Result job={job} result={result} />}
      {(result?.kind === 'shard' || result?.kind === 'merge') && <WrittenOutcome result={result} />}
      {result?.kind === 'diff' && <DiffOutcome job={job} result={result} />}
      {result?.kind === 'verify-replicas' && <ReplicasOutcome job={job} result={result} />}
    </section>
  );
}

function Running({ job }: { readonly job: Job }) {
  const percent = progressShare(job) * 100;
  return (
    <div className={styles.progress}>
      <Progress value={percent} size="md" radius="sm" transitionDuration={100} aria-label="Progress" />
      <p>{job.state === 'queued' ? 'Waits for the job before it' : progressText(job)}</p>
    </div>
  );
}

function Interrupted({ job }: { readonly job: Job }) {
  return (
    <div className={styles.interrupted}>
      <p>{whatHappened(job, Date.now())}</p>
      <p>{whatResumingDoes(job)}</p>
      {mayHaveWritten(job) && (
        <p className="quiet">If you dismiss it, what it has written so far is removed from the output folder.</p>
      )}
    </div>
  );
}

function Actions({ job: { id, state, work } }: { readonly job: Job }) {
  const [failure, setFailure] = useState<string | null>(null);
  const attempt = (action: Promise<unknown>): void => {
    action.catch((error: unknown) => {
      setFailure(problemOf(error).what);
    });
  };
  return (
    <div className={styles.jobActions}>
      {failure !== null && <span role="alert">{failure}</span>}
      {(state === 'running' || state === 'queued') && (
        <Button
          variant="default"
          leftSection={<IconPlayerStop size={16} />}
          onClick={() => attempt(ask('job:cancel', id))}
        >
          Cancel
        </Button>
      )}
      {(state === 'failed' || state === 'cancelled') && (
        <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={() => attempt(retryJob(id))}>
          Try again
        </Button>
      )}
      {state === 'interrupted' && (
        <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => attempt(retryJob(id))}>
          Resume
        </Button>
      )}
      {state !== 'running' && state !== 'queued' && (
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconTrash size={16} />}
          onClick={() => attempt(ask('job:dismiss', id))}
        >
          {state === 'interrupted' ? 'Dismiss' : 'Take off the list'}
        </Button>
      )}
      {state === 'done' && 'out' in work && (
        <Button leftSection={<IconFolder size={16} />} onClick={() => attempt(ask('job:reveal', id))}>
          Show in folder
        </Button>
      )}
    </div>
  );
}

function ProofBadge({ roundTrip: { different, inferred } }: { readonly roundTrip: RoundTrip }) {
  const isProved = different.length === 0 && inferred.length === 0;
  return (
    <span className={styles.proof} data-good={isProved}>
      {different.length > 0 ? 'Differs' : isProved ? 'Proved' : 'Layout inferred'}
    </span>
  );
}
