import { createStore } from 'zustand/vanilla';
import type { OpenedCheckpoint, RecentCheckpoint, Settings, StartState } from '../../electron/channels.ts';
import type { Problem } from '../../src-core/index.ts';
import {
  withPlaceState,
  type KeptPlaces,
  type ParameterName,
  type PlaceStates,
  type ShownShard,
} from './place-states.ts';

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
  /** How places were left. */
  readonly kept: KeptPlaces;
  /** Bytes that the processes of the app have for themselves; 0 while that is not known. */
  readonly memory: number;
  readonly isAboutOpen: boolean;
  /** What went wrong in the app itself and has not been read yet. */
  readonly trouble: Problem | null;
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
  kept: {},
  memory: 0,
  isAboutOpen: false,
  trouble: null,
}));

export function showPlace(place: Place): void {
  session.setState({ place });
}

/** Changes how a place looks: at once where it is shown, else when it is next shown. `about`: as {@link KeptPlaces} are kept. */
export function changePlace<Of extends keyof PlaceStates>(
  place: Of,
  about: string,
  change: Partial<PlaceStates[Of]>,
): void {
  session.setState(({ kept }) => ({ kept: withPlaceState(kept, place, about, change) }));
}

function showIn<Of extends keyof PlaceStates & Place>(place: Of, change: Partial<PlaceStates[Of]>): void {
  const { opened } = session.getState();
  if (opened) changePlace(place, opened.folder, change);
  showPlace(place);
}

/** Leads to the parameters place with this text in its filter. */
export function showParameters(query: string): void {
  showIn('parameters', { query, tags: new Set(), scroll: 0 });
}

/** Leads to the layout of one parameter. */
export function showLayout({ part, name }: ParameterName): void {
  showIn('layout', { shown: { part, name }, scope: 'parameter', picked: null, scroll: 0 });
}

/** Leads to what a rank has stored. */
export function showShard(shown: ShownShard): void {
  showIn('shards', { shown, isOpen: true, scroll: 0 });
}

export function openingBegan(folder: string): void {
  session.setState({ opening: folder, failure: null });
}

/** A checkpoint is there: its overview is what a user wants to see first. */
export function checkpointOpened(opened: OpenedCheckpoint): void {
  session.setState({ opened, opening: null, failure: null, place: 'overview' });
}

export function openingFailed(folder: string, problem: Problem): void {
  session.setState({ opening: null, failure: { folder, problem } });
}

/** The checkpoint was closed: places begin untouched when it is opened again. */
export function checkpointClosed(): void {
  session.setState(({ opened, kept: { [opened?.folder ?? '']: _, ...kept } }) => ({
    opened: null,
    place: 'overview',
    kept,
  }));
}

export function forgetFailure(): void {
  session.setState({ failure: null });
}
