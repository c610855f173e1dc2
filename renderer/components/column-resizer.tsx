import { useRef, type PointerEvent } from 'react';
import styles from './data-grid.module.css';

/** The narrowest that a column becomes, in pixels. */
const LEAST = 40;

/** The edge of a column's head: dragging it gives the column's new width in pixels, a double click its own again. */
export function ColumnResizer({ onResize }: { readonly onResize: (width: number | null) => void }) {
  /** Where the column begins, while it is dragged. */
  const begin = useRef<number | null>(null);
  const onMove = ({ clientX }: PointerEvent): void => {
    if (begin.current !== null) onResize(Math.max(LEAST, Math.round(clientX - begin.current)));
  };
  return (
    <span
      className={styles.resizer}
      aria-hidden
      onPointerDown={(event) => {
        begin.current = event.clientX - event.currentTarget.parentElement!.offsetWidth;
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={onMove}
      onLostPointerCapture={() => {
        begin.current = null;
      }}
      onDoubleClick={() => onResize(null)}
    />
  );
}
