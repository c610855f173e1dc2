import type {
  ConsolidationRequest,
  DiffSides,
  Job,
  JobId,
  MenuCommand,
  MergeRequest,
  OpenedCheckpoint,
  Settings,
  ShardingRequest,
} from '../electron/channels.ts';
import { ask, problemOf, valueOf } from './bridge.ts';
import { openDiagnostics } from './stores/diagnostics.ts';
import { diffSides } from './stores/diff.ts';
import { jobsChanged, selectJob } from './stores/jobs.ts';
import {
  checkpointClosed,
  checkpointOpened,
  openingBegan,
  openingFailed,
  session,
  showPlace,
  type Place,
} from './stores/session.ts';

/** Fills the stores with what the main process knows and follows what it tells. The result stops following. */
export async function connect(): Promise<() => void> {
  const { on } = window.shardloom;
  const stops = [
    on('checkpoint:opening', openingBegan),
    on('checkpoint:opened', checkpointOpened),
    on('checkpoint:failed', ({ folder, problem }) => {
      openingFailed(folder, problem);
    }),
    on('jobs:changed', jobsChanged),
    on('settings:changed', (settings) => {
      session.setState({ settings });
    }),
    on('recents:changed', (recents) => {
      session.setState({ recents });
    }),
    on('trouble', (trouble) => {
      session.setState({ trouble });
    }),
    on('memory', (memory) => {
      session.setState({ memory });
    }),
  ];
  const { jobs, ...start } = await ask('app:start');
  session.setState(start);
  jobsChanged(jobs);
  return () => {
    for (const stop of stops) stop();
  };
}

/** Shows what opening gives, or why it gave nothing. `folder` is what to call it until its name is known. */
async function show(folder: string, opening: Promise<OpenedCheckpoint | null>): Promise<void> {
  try {
    const opened = await opening;
    if (opened) checkpointOpened(opened);
  } catch (error) {
    openingFailed(session.getState().opening ?? folder, problemOf(error));
  }
}

export const openByDialog = (): Promise<void> => show('', ask('checkpoint:choose'));
export const openSample = (): Promise<void> => show('Sample checkpoint', ask('checkpoint:open-sample'));
export const openRecent = (folder: string): Promise<void> => show(folder, ask('checkpoint:open-recent', folder));
export const openDropped = (file: File): Promise<void> =>
  show(file.name, window.shardloom.openDropped(file).then(valueOf));

/** Reads the folder of the checkpoint again. */
export async function reopen(): Promise<void> {
  const { opened } = session.getState();
  if (opened) await show(opened.folder, ask('checkpoint:reopen', opened.checkpoint));
}

export async function forgetRecent(folder: string): Promise<void> {
  session.setState({ recents: await ask('checkpoint:forget-recent', folder) });
}

/** Back to the welcome page. */
export async function closeCheckpoint(): Promise<void> {
  const { opened } = session.getState();
  checkpointClosed();
  if (opened) await ask('checkpoint:close', opened.checkpoint);
}

export function changeTheme(theme: Settings['theme']): void {
  void ask('app:change-settings', { theme });
}

export function copyText(text: string): void {
  void ask('app:copy-text', text);
}

export function reveal(file?: string): void {
  const { opened } = session.getState();
  if (opened) void ask('checkpoint:reveal', { checkpoint: opened.checkpoint, ...(file !== undefined && { file }) });
}

/** Shows a job that was put into the queue. */
function follow({ id }: Job): void {
  selectJob(id);
  showPlace('jobs');
}

/** Puts a consolidation into the queue and shows it. */
export async function startConsolidation(request: ConsolidationRequest): Promise<void> {
  follow(await ask('consolidation:start', request));
}

/** Puts sharding or resharding into the queue and shows it. */
export async function startSharding(request: ShardingRequest): Promise<void> {
  follow(await ask('sharding:start', request));
}

/** Puts a merge into the queue and shows it. */
export async function startMerge(request: MergeRequest): Promise<void> {
  follow(await ask('merge:start', request));
}

/** Compares two folders and shows the place that follows it. */
export async function startDiff(sides: DiffSides): Promise<void> {
  diffSides.setState(sides);
  await ask('diff:start', sides);
  showPlace('diff');
}

/** Puts a comparison of all copies into the queue. The place that asked for it follows it. */
export async function startReplicaCheck(checkpoint: number): Promise<void> {
  await ask('replicas:start', checkpoint);
}

export async function retryJob(id: JobId): Promise<void> {
  selectJob((await ask('job:retry', id)).id);
}

/** Puts jobs that were interrupted into the queue again, in their order, and shows the first. */
export async function resumeJobs(interrupted: readonly Job[]): Promise<void> {
  showPlace('jobs');
  for (const [index, { id }] of interrupted.entries()) {
    const resumed = await ask('job:retry', id);
    if (index === 0) selectJob(resumed.id);
  }
}

/** Takes jobs off the list. */
export async function dismissJobs(list: readonly Job[]): Promise<void> {
  for (const { id } of list) await ask('job:dismiss', id);
}

export function dismissTrouble(): void {
  void ask('app:dismiss-trouble');
}

/** Opens the dialog; shared by the menu, the palette and the keyboard. */
export function toggleAbout(isAboutOpen: boolean): void {
  session.setState({ isAboutOpen });
}

const PLACE_COMMANDS: Partial<Record<MenuCommand, Place>> = {
  'go-overview': 'overview',
  'go-parameters': 'parameters',
  'go-layout': 'layout',
  'go-shards': 'shards',
  'go-replicas': 'replicas',
  'go-adapters': 'adapters',
  'go-diff': 'diff',
  'go-consolidate': 'consolidate',
  'go-jobs': 'jobs',
  'go-reshard': 'reshard',
};

/** Does what the menu asks. The palette and the filter are the business of whoever draws them. */
export function runCommand(command: MenuCommand): void {
  const place = PLACE_COMMANDS[command];
  if (place) showPlace(place);
  else if (command === 'open') void openByDialog();
  else if (command === 'open-sample') void openSample();
  else if (command === 'about') toggleAbout(true);
  else if (command === 'diagnostics') openDiagnostics();
}
