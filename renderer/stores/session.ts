import { createStore } from 'zustand/vanilla';
import type { OpenedCheckpoint, RecentCheckpoint, Settings, StartState } from '../../electron/channels.ts';
import type { Problem } from '../../src-core/index.ts';

/** The places of the window, in the order of the rail. */
export const PLACES = ['overview', 'parameters', 'consolidate', 'jobs'] as const;
export type Place = (typeof PLACES)[number];

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
  /** Bytes that all processes of the app take; 0 while that is not known. */
  readonly memory: number;
  readonly isAboutOpen: boolean;
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
  memory: 0,
  isAboutOpen: false,
}));

export function showPlace(place: Place): void {
  session.setState({ place });
}

/** Leads to the parameters place with this text in its filter. */
export function showParameters(query: string): void {
  session.setState({ place: 'parameters', parameterQuery: query });
}

export function openingBegan(folder: string): void {
  session.setState({ opening: folder, failure: null });
}

/** A checkpoint is there: its overview is what a user wants to see first. */
export function checkpointOpened(opened: OpenedCheckpoint): void {
  session.setState({ opened, opening: null, failure: null, place: 'overview', parameterQuery: '' });
}

export function openingFailed(folder: string, problem: Problem): void {
  session.setState({ opening: null, failure: { folder, problem } });
}
