import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState, type KeyboardEvent } from 'react';
import type { Replica } from '../../src-core/index.ts';
import { formatCount } from '../../src-core/units.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { moveInLines } from '../parameters/line-keys.ts';
import { showLayout } from '../stores/session.ts';
import styles from './replicas.module.css';
import { differenceText } from './words.ts';

const ROW_HEIGHT = 28;

/** A row for each parameter of which there are copies. Enter or a click shows where they are. */
export function ReplicaTable({ rows }: { readonly rows: readonly Replica[] }) {
  const scroll = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    scrollPaddingStart: ROW_HEIGHT,
  });
  const current = Math.min(active, Math.max(0, rows.length - 1));
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? 280) / ROW_HEIGHT) - 2);
    const next = moveInLines(event.key, current, rows.length, page);
    const row = rows[current];
    if (next !== null) {
      setActive(next);
      virtual.scrollToIndex(next);
    } else if (event.key === 'Enter' && row) {
      showLayout(row);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={scroll}
      className={styles.table}
      role="grid"
      aria-label="Parameters with copies"
      aria-rowcount={rows.length + 1}
      aria-activedescendant={`replica-${current}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div className={styles.head} role="row">
        {['Parameter', 'What is replicated', 'Copies', 'Compared'].map((name) => (
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const replica = rows[index]!;
          const difference = differenceText(replica);
          return (
            <div
              key={index}
              id={`replica-${index}`}
              role="row"
              aria-rowindex={index + 2}
              className={styles.row}
              data-active={index === current || undefined}
              style={{ transform: `translateY(${start}px)` }}
              onClick={() => {
                showLayout(replica);
              }}
            >
              <span role="gridcell">
                <MiddleName text={replica.name} tail={32} className="mono" />
              </span>
              <span role="gridcell">{replica.kind}</span>
              <span role="gridcell">{formatCount(replica.copies)}</span>
              <span role="gridcell" className={difference === '' ? undefined : styles.differs}>
                {difference === '' ? 'equal' : `differs on ${difference}`}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
