import { Button, UnstyledButton } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useStore } from 'zustand';
import type { Job } from '../../electron/channels.ts';
import { formatPlural } from '../../src-core/units.ts';
import { dismissJobs, resumeJobs } from '../actions.ts';
import { EmptyPlace, PlaceHeader } from '../components/place-header.tsx';
import { MiddleName } from '../components/middle-name.tsx';
import { jobs, selectJob, shownJob } from '../stores/jobs.ts';
import { interruptedOf } from './interrupted-words.ts';
import { JobIcon, STATE_NAMES, WORK_NAMES } from './job-state.tsx';
import { JobView } from './job-view.tsx';
import styles from './jobs.module.css';
import { progressShare } from './progress-text.ts';

/** All jobs of this session and those that the last one left, newest first, and one of them whole. */
export function JobsPlace() {
  const list = useStore(jobs, (state) => state.jobs);
  const shown = useStore(jobs, shownJob);
  if (!shown) {
    return (
      <EmptyPlace title="Jobs">
        What you start is shown here: how far it is, what it made or found, and how that was proved.
      </EmptyPlace>
    );
  }
  return (
    <div className={styles.page}>
      <PlaceHeader title="Jobs" answer={answerOf(list)} actions={<ManyInterrupted list={interruptedOf(list)} />} />
      <div className={styles.columns}>
        <ul className={styles.list} aria-label="Jobs">
          {list.map((job) => (
            <li key={job.id}>
              <UnstyledButton
                className={styles.item}
                aria-current={job.id === shown.id ? 'true' : undefined}
                onClick={() => {
                  selectJob(job.id);
                }}
              >
                <JobIcon state={job.state} />
                <span className={styles.itemText}>
                  <MiddleName text={job.name} tail={16} />
                  <span className={styles.itemState}>
                    {WORK_NAMES[job.work.kind]} · {STATE_NAMES[job.state]}
                    {job.state === 'running' && ` · ${Math.floor(progressShare(job) * 100)} %`}
                  </span>
                </span>
              </UnstyledButton>
            </li>
          ))}
        </ul>
        <JobView key={shown.id} job={shown} />
      </div>
    </div>
  );
}

/** What can be done with several interrupted jobs at once. */
function ManyInterrupted({ list }: { readonly list: readonly Job[] }) {
  if (list.length < 2) return null;
  return (
    <>
      <Button variant="subtle" color="gray" onClick={() => void dismissJobs(list)}>
        Dismiss all interrupted
      </Button>
      <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => void resumeJobs(list)}>
        Resume all
      </Button>
    </>
  );
}

function answerOf(list: readonly Job[]): string {
  const count = (state: Job['state']): number => list.filter((job) => job.state === state).length;
  const parts = [
    count('running') > 0 && `${count('running')} running`,
    count('queued') > 0 && `${count('queued')} waiting`,
    count('done') > 0 && `${count('done')} done`,
    count('failed') > 0 && `${count('failed')} failed`,
    count('cancelled') > 0 && `${count('cancelled')} cancelled`,
    count('interrupted') > 0 && `${count('interrupted')} interrupted`,
  ].filter((part) => part !== false);
  return `${formatPlural(list.length, 'job')}: ${parts.join(', ')}.`;
}
