import { UnstyledButton } from '@mantine/core';
import { useStore } from 'zustand';
import { formatBytes } from '../../src-core/units.ts';
import { WORK_DOING } from '../jobs/job-state.tsx';
import { progressText } from '../jobs/progress-text.ts';
import { jobs, runningJob, selectJob } from '../stores/jobs.ts';
import { session, showPlace } from '../stores/session.ts';
import styles from './frame.module.css';

/** The thin line at the bottom: the running job, memory, version. */
export function StatusLine() {
  const running = useStore(jobs, runningJob);
  const memory = useStore(session, (state) => state.memory);
  const version = useStore(session, (state) => state.version);
  return (
    <footer className={styles.status}>
      {running ? (
        <UnstyledButton
          className={styles.statusJob}
          onClick={() => {
            selectJob(running.id);
            showPlace('jobs');
          }}
        >
          {WORK_DOING[running.work.kind]} {running.name} · {progressText(running)}
        </UnstyledButton>
      ) : (
        <span>Ready</span>
      )}
      <span className={styles.statusRight}>
        {memory > 0 && <span title="Private memory of all processes of the app">{formatBytes(memory)}</span>}
        <span>{version}</span>
      </span>
    </footer>
  );
}
