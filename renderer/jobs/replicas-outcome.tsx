import { Button } from '@mantine/core';
import { useStore } from 'zustand';
import type { Job, ReplicasResult } from '../../electron/channels.ts';
import { formatBytes, formatDuration, formatPlural } from '../../src-core/units.ts';
import { session, showPlace } from '../stores/session.ts';
import styles from './jobs.module.css';

/** What a comparison of all copies found, in a line; the place about it has the rest. */
export function ReplicasOutcome({ job, result }: { readonly job: Job; readonly result: ReplicasResult }) {
  const opened = useStore(session, (state) => state.opened);
  const { compared, different, bytes, seconds } = result;
  const rate = seconds > 0 ? ` at ${formatBytes(bytes / seconds)}/s` : '';
  return (
    <>
      <p className={styles.made}>
        {different === 0
          ? `All ${formatPlural(compared, 'copy', 'copies')} equal what consolidation takes, byte for byte`
          : `${formatPlural(different, 'copy differs', 'copies differ')} of ${compared}`}
      </p>
      <p className="quiet">
        {formatBytes(bytes)} compared in {formatDuration(seconds)}
        {rate}
      </p>
      {opened?.folder === job.folder && (
        <Button
          className={styles.showDigests}
          variant="default"
          onClick={() => {
            showPlace('replicas');
          }}
        >
          Show what was compared
        </Button>
      )}
    </>
  );
}
