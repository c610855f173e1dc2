import { UnstyledButton } from '@mantine/core';
import { useStore } from 'zustand';
import { jobs, runningJob } from '../stores/jobs.ts';
import { PLACES, session, showPlace } from '../stores/session.ts';
import styles from './frame.module.css';
import { PLACE_FACTS } from './places.ts';

/** The narrow rail that names the places. */
export function Rail() {
  const current = useStore(session, (state) => state.place);
  const isRunning = useStore(jobs, (state) => runningJob(state) !== null);
  const isInterrupted = useStore(jobs, (state) => state.jobs.some((job) => job.state === 'interrupted'));
  return (
    <nav className={styles.rail} aria-label="Places">
      {PLACES.map((place) => {
        const { name, icon: Icon } = PLACE_FACTS[place];
        const isCurrent = place === current;
        return (
          <UnstyledButton
            key={place}
            className={styles.railItem}
            aria-current={isCurrent ? 'page' : undefined}
            onClick={() => {
              showPlace(place);
            }}
          >
            <Icon size={20} stroke={1.6} aria-hidden />
            <span>{name}</span>
            {place === 'jobs' && isRunning && <span className={styles.railDot} title="A job is running" />}
            {place === 'jobs' && !isRunning && isInterrupted && (
              <span className={styles.railDot} data-interrupted title="A job was interrupted" />
            )}
          </UnstyledButton>
        );
      })}
    </nav>
  );
}
