import { Button } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useStore } from 'zustand';
import type { Job } from '../../electron/channels.ts';
import { dismissJobs, resumeJobs } from '../actions.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { jobs, selectJob } from '../stores/jobs.ts';
import { showPlace } from '../stores/session.ts';
import { interruptedOf, interruptedTitle, mayHaveWritten, sinceWhen } from './interrupted-words.ts';
import { WORK_NAMES } from './job-state.tsx';
import styles from './interrupted.module.css';

/** Jobs that are told one by one; the place Jobs has them all. */
const FEW = 3;

/** What was running when the app ended, and the offer to resume it. Nothing where nothing was. */
export function InterruptedNotice() {
  const list = interruptedOf(useStore(jobs, (state) => state.jobs));
  const [first] = list;
  if (!first) return null;
  const isOne = list.length === 1;
  return (
    <aside className={styles.notice} aria-labelledby="interrupted-heading">
      <IconPlayerPause className={styles.icon} size={18} stroke={1.7} aria-hidden />
      <div className={styles.body}>
        <h2 id="interrupted-heading">{interruptedTitle(list.length)}</h2>
        <ul>
          {list.slice(0, FEW).map((job) => (
            <Line key={job.id} job={job} />
          ))}
        </ul>
        {list.length > FEW && <p>and {list.length - FEW} more</p>}
        {list.some(mayHaveWritten) && (
          <p className={styles.promise}>
            Resuming keeps what is written already and has the right digest. Dismissing removes it.
          </p>
        )}
        <div className={styles.actions}>
          <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => void resumeJobs(list)}>
            {isOne ? 'Resume' : 'Resume all'}
          </Button>
          <Button
            variant="default"
            onClick={() => {
              selectJob(first.id);
              showPlace('jobs');
            }}
          >
            Show in Jobs
          </Button>
          <Button variant="subtle" color="gray" onClick={() => void dismissJobs(list)}>
            {isOne ? 'Dismiss' : 'Dismiss all'}
          </Button>
        </div>
      </div>
    </aside>
  );
}

function Line({ job }: { readonly job: Job }) {
  const { work, name } = job;
  return (
    <li className={styles.line}>
      <span className={styles.what}>
        <span>{WORK_NAMES[work.kind]}</span> <MiddleName text={name} tail={16} />
        <span className={styles.since}>{sinceWhen(job, Date.now())}</span>
      </span>
      {'out' in work && (
        <span className={styles.out}>
          into <MiddleName text={work.out} tail={40} className="mono" />
        </span>
      )}
    </li>
  );
}
