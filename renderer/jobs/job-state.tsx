import {
  IconAlertOctagon,
  IconCircleCheck,
  IconCircleX,
  IconClock,
  IconPlayerPause,
  IconProgress,
} from '@tabler/icons-react';
import type { Job } from '../../electron/channels.ts';
import styles from './jobs.module.css';

export const STATE_NAMES: Readonly<Record<Job['state'], string>> = {
  queued: 'Waiting',
  running: 'Running',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
  interrupted: 'Interrupted',
};

export const WORK_NAMES: Readonly<Record<Job['work']['kind'], string>> = {
  consolidate: 'Consolidate',
  'verify-replicas': 'Compare copies',
  diff: 'Compare weights',
  shard: 'Reshard',
  merge: 'Merge',
};

/** What is being done to a checkpoint while a job runs. */
export const WORK_DOING: Readonly<Record<Job['work']['kind'], string>> = {
  consolidate: 'Consolidating',
  'verify-replicas': 'Comparing copies of',
  diff: 'Comparing',
  shard: 'Sharding',
  merge: 'Merging adapters of',
};

const ICONS = {
  queued: IconClock,
  running: IconProgress,
  done: IconCircleCheck,
  failed: IconAlertOctagon,
  cancelled: IconCircleX,
  interrupted: IconPlayerPause,
};

/** A job's state as a picture, always beside its name. */
export function JobIcon({ state }: { readonly state: Job['state'] }) {
  const Icon = ICONS[state];
  return <Icon className={styles.stateIcon} data-state={state} size={18} stroke={1.7} aria-hidden />;
}
