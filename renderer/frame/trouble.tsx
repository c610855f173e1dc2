import { ActionIcon } from '@mantine/core';
import { IconAlertOctagon, IconX } from '@tabler/icons-react';
import { useStore } from 'zustand';
import { dismissTrouble } from '../actions.ts';
import { ProblemButtons } from '../components/problem-card.tsx';
import { session } from '../stores/session.ts';
import styles from './frame.module.css';

/** What went wrong in the app itself while it goes on: over the place that stays, until it has been read. */
export function Trouble() {
  const trouble = useStore(session, (state) => state.trouble);
  if (!trouble) return null;
  return (
    <aside className={styles.trouble} role="alert">
      <IconAlertOctagon size={18} stroke={1.7} aria-label="Error" />
      <div className={styles.troubleBody}>
        <p className={styles.troubleWhat}>{trouble.what}</p>
        {trouble.found !== undefined && <p className={`${styles.troubleFound} selectable`}>{trouble.found}</p>}
        <p className="quiet">{trouble.advice}</p>
        <div className={styles.troubleActions}>
          <ProblemButtons problem={trouble} />
        </div>
      </div>
      <ActionIcon size="sm" aria-label="Close this notice" title="Close" onClick={dismissTrouble}>
        <IconX size={14} />
      </ActionIcon>
    </aside>
  );
}
