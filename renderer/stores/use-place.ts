import { useCallback } from 'react';
import { useStore } from 'zustand';
import { placeState, type PlaceStates } from './place-states.ts';
import { changePlace, session } from './session.ts';

/** How a place looks, and how to change it: kept while other places are shown. `about`: a checkpoint's folder, or what is compared. */
export function usePlace<Of extends keyof PlaceStates>(
  place: Of,
  about: string,
): readonly [PlaceStates[Of], (change: Partial<PlaceStates[Of]>) => void] {
  const state = useStore(session, ({ kept }) => placeState(kept, place, about));
  const change = useCallback(
    (changed: Partial<PlaceStates[Of]>) => {
      changePlace(place, about, changed);
    },
    [place, about],
  );
  return [state, change];
}
