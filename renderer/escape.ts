import { useEffect, useRef } from 'react';

/** What Escape undoes, the innermost last. */
const undoable: { readonly undo: () => void }[] = [];

/** Menus, lists, pickers and dialogs close by themselves. */
const OPEN = '[aria-haspopup][aria-expanded="true"], [aria-modal="true"]';

/**
 * Listens for Escape, which goes one step back and never leads away from a place: what is open closes itself; else the last of
 * those that {@link useEscape} has registered is undone; else nothing happens.
 */
export function listenForEscape(): void {
  let wasOpen = false;
  // What closes itself may have done so when the key comes to the document.
  const look = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') wasOpen = document.querySelector(OPEN) !== null;
  };
  window.addEventListener('keydown', look, { capture: true });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing || wasOpen) return;
    undoable.at(-1)?.undo();
  });
}

/** Escape undoes this while it is not null: a selection, a panel. */
export function useEscape(undo: (() => void) | null): void {
  const latest = useRef(undo);
  useEffect(() => {
    latest.current = undo;
  });
  const isThere = undo !== null;
  useEffect(() => {
    if (!isThere) return undefined;
    const own = { undo: () => latest.current?.() };
    undoable.push(own);
    return () => {
      undoable.splice(undoable.indexOf(own), 1);
    };
  }, [isThere]);
}
