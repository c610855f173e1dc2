import { createStore } from 'zustand/vanilla';
import type { OpenedCheckpoint, RecentCheckpoint, Settings, StartState } from '../../electron/channels.ts';
import type { PartName, Problem, Rank } from '../../src-core/index.ts';

/** The places of the window, in the order of the rail. */
export const PLACES = [
  'overview',
  'parameters',
  'layout',
  'shards',
  'replicas',
  'adapters',
  'diff',
  'consolidate',
  'reshard',
  'jobs',
] as const;
export type Place = (typeof PLACES)[number];

/** The places that Ctrl or Cmd with a digit leads to, from 1 on. There are more places than digits. */
export const NUMBERED_PLACES = PLACES.filter((place) => place !== 'reshard');

export interface SessionState {
  readonly version: string;
  readonly platform: StartState['platform'];
  readonly settings: Settings;
  readonly recents: readonly RecentCheckpoint[];
  readonly place: Place;
  /** The checkpoint that is shown; null shows the welcome page. */
  readonly opened: OpenedCheckpoint | null;
  /** The folder that is being opened at this moment. */
  readonly opening: string | null;
  readonly failure: StartState['failure'];
  /** Put into the filter of the parameters place when it is next shown. */
  readonly parameterQuery: string;
  /** The parameter that the layout place shows; null until one was chosen. */
  readonly shownLayout: ParameterName | null;
  /** What the shards place shows; null until something was chosen. */
  readonly shownShard: ShownShard | null;
  /** Bytes that all processes of the app take; 0 while that is not known. */
  readonly memory: number;
  readonly isAboutOpen: boolean;
  /** What went wrong in the app itself and has not been read yet. */
  readonly trouble: Problem | null;
}

/** An original parameter by what names it. */
export interface ParameterName {
  readonly part: PartName;
  readonly name: string;
}

/** A rank, and a tensor that it has stored, or null for the first. */
export interface ShownShard {
  readonly part: PartName;
  readonly rank: Rank;
  readonly tensor: string | null;
}

/** What the window shows. Changed by the functions of actions.ts only. */
export const session = createStore<SessionState>(() => ({
  version: '',
  platform: 'other',
  settings: { theme: 'system' },
  recents: [],
  place: 'overview',
  opened: null,
  opening: null,
  failure: null,
  parameterQuery: '',
  shownLayout: null,
  shownShard: null,
  memory: 0,
  isAboutOpen: false,
  trouble: null,
}));

/** What is forgotten when another checkpoint is opened. */
const NOTHING_SHOWN = { parameterQuery: '', shownLayout: null, shownShard: null } as const;

export function showPlace(place: Place): void {
  session.setState({ place });
}

/** Leads to the parameters place with this text in its filter. */
export function showParameters(query: string): void {
  session.setState({ place: 'parameters', parameterQuery: query });
}

/** Leads to the layout of one parameter. */
export function showLayout(shownLayout: ParameterName): void {
  session.setState({ place: 'layout', shownLayout });
}

/** Leads to what a rank has stored. */
export function showShard(shownShard: ShownShard): void {
  session.setState({ place: 'shards', shownShard });
}

export function openingBegan(folder: string): void {
  session.setState({ opening: folder, failure: null });
}

/** A checkpoint is there: its overview is what a user wants to see first. */
export function checkpointOpened(opened: OpenedCheckpoint): void {
  session.setState({ opened, opening: null, failure: null, place: 'overview', ...NOTHING_SHOWN });
}

export function openingFailed(folder: string, problem: Problem): void {
  session.setState({ opening: null, failure: { folder, problem } });
}

export function forgetFailure(): void {
  session.setState({ failure: null });
}
