import { createStore } from 'zustand/vanilla';

/** The folders that the place Diff compares; null until they are chosen. */
export const diffSides = createStore<{ readonly left: string | null; readonly right: string | null }>(() => ({
  left: null,
  right: null,
}));
