import { Button } from '@mantine/core';
import type { DiffSummary, Job } from '../../electron/channels.ts';
import { formatBytes, formatDuration } from '../../src-core/units.ts';
import { answerOf } from '../diff/words.ts';
import { diffSides } from '../stores/diff.ts';
import { showPlace } from '../stores/session.ts';
import styles from './jobs.module.css';

/** What a comparison of two folders found, in a line; the place about it has the rest. */
export function DiffOutcome({ job, result }: { readonly job: Job; readonly result: DiffSummary }) {
  const { work } = job;
  return (
    <>
      <p className={styles.made}>{answerOf(result)}</p>
      <p className="quiet">
        {formatBytes(result.bytes)} on both sides compared in {formatDuration(result.seconds)}
      </p>
      {work.kind === 'diff' && (
        <Button
          className={styles.showDigests}
          variant="default"
          onClick={() => {
            diffSides.setState({ left: work.left, right: work.right });
            showPlace('diff');
          }}
        >
          Show what was compared
        </Button>
      )}
    </>
  );
}
