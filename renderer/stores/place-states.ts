import type { PartName, Rank } from '../../src-core/index.ts';
import type { Arrangement } from '../parameters/arrange.ts';

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

/** What a user has made of a place: filter, order, selection, how far it is scrolled. */
export interface PlaceStates {
  readonly parameters: Arrangement & {
    /** Groups that are closed. */
    readonly closed: ReadonlySet<string>;
    /** At the side. */
    readonly shown: ParameterName | null;
    readonly scroll: number;
  };
  readonly layout: {
    /** Null until one was chosen. */
    readonly shown: ParameterName | null;
    readonly scope: 'parameter' | 'layer';
    /** The selected region. */
    readonly picked: number | null;
    readonly scroll: number;
  };
  readonly shards: {
    /** Null until something was chosen. */
    readonly shown: ShownShard | null;
    /** Whether the tensor is at the side. */
    readonly isOpen: boolean;
    readonly query: string;
    readonly scroll: number;
  };
  readonly diff: {
    readonly query: string;
    readonly closed: ReadonlySet<string>;
    /** By name; null, until one was chosen, is the tensor that moved most. */
    readonly shown: string | null;
    /** Whether it is at the side. */
    readonly isOpen: boolean;
    readonly scroll: number;
  };
}

const UNTOUCHED: PlaceStates = {
  parameters: { query: '', tags: new Set(), sort: null, closed: new Set(), shown: null, scroll: 0 },
  layout: { shown: null, scope: 'parameter', picked: null, scroll: 0 },
  shards: { shown: null, isOpen: true, query: '', scroll: 0 },
  diff: { query: '', closed: new Set(), shown: null, isOpen: true, scroll: 0 },
};

/** By what a place is about: a checkpoint's folder, or the folders of a comparison. */
export type KeptPlaces = Readonly<Record<string, Partial<PlaceStates>>>;

/** How a place was left; untouched, where it was not seen yet. */
export function placeState<Of extends keyof PlaceStates>(kept: KeptPlaces, place: Of, about: string): PlaceStates[Of] {
  return kept[about]?.[place] ?? UNTOUCHED[place];
}

export function withPlaceState<Of extends keyof PlaceStates>(
  kept: KeptPlaces,
  place: Of,
  about: string,
  change: Partial<PlaceStates[Of]>,
): KeptPlaces {
  return { ...kept, [about]: { ...kept[about], [place]: { ...placeState(kept, place, about), ...change } } };
}
