import { useLayoutEffect, useRef, useState, type RefObject } from 'react';

/** How far something is scrolled, in pixels, while it is not drawn. */
export interface KeptScroll {
  readonly offset: number;
  readonly keep: (offset: number) => void;
}

/** Scrolls an element to where it was left, as soon as that much of it is there, and keeps where it is when it goes. */
export function useKeptScroll(
  ref: RefObject<HTMLElement | null>,
  kept: KeptScroll | undefined,
  isThere: boolean,
): void {
  const [start] = useState(kept?.offset ?? 0);
  const keep = useRef(kept?.keep);
  useLayoutEffect(() => {
    keep.current = kept?.keep;
  });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!isThere || !element) return undefined;
    if (start > 0) element.scrollTop = start;
    return () => {
      keep.current?.(element.scrollTop);
    };
  }, [ref, isThere, start]);
}
