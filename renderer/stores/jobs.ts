import { createStore } from 'zustand/vanilla';
import type { Job, JobId } from '../../electron/channels.ts';

export interface JobsState {
  /** Newest first. */
  readonly jobs: readonly Job[];
  /** The job that is shown whole; null shows the newest. */
  readonly selected: JobId | null;
}

export const jobs = createStore<JobsState>(() => ({ jobs: [], selected: null }));

export function jobsChanged(list: readonly Job[]): void {
  jobs.setState({ jobs: list });
}

export function selectJob(id: JobId): void {
  jobs.setState({ selected: id });
}

/** The job that is shown: the selected one while it is on the list, else the newest. */
export function shownJob({ jobs: list, selected }: JobsState): Job | null {
  return list.find(({ id }) => id === selected) ?? list[0] ?? null;
}

export function runningJob({ jobs: list }: JobsState): Job | null {
  return list.find(({ state }) => state === 'running') ?? null;
}
