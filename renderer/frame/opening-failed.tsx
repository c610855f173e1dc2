import { Button } from '@mantine/core';
import { useStore } from 'zustand';
import { FailureCard } from '../welcome/failure-card.tsx';
import { forgetFailure, session } from '../stores/session.ts';
import styles from './frame.module.css';

/** Why a folder was not opened, over the place that stays: the page without a checkpoint says it itself. */
export function OpeningFailed() {
  const failure = useStore(session, (state) => state.failure);
  const isSaidBelow = useStore(session, ({ opened, place }) => opened === null && place === 'overview');
  if (!failure || isSaidBelow) return null;
  const dismiss = (
    <Button size="compact-xs" variant="subtle" color="gray" onClick={forgetFailure}>
      Dismiss
    </Button>
  );
  return (
    <div className={styles.failed}>
      <FailureCard failure={failure} actions={dismiss} />
    </div>
  );
}
