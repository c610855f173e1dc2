import { useElementSize, useLocalStorage } from '@mantine/hooks';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type CSSProperties, type KeyboardEvent, type ReactNode } from 'react';
import { ColumnResizer } from './column-resizer.tsx';
import styles from './data-grid.module.css';
import { moveInLines } from './line-keys.ts';
import { charactersIn } from './tensor-name.tsx';
import { useKeptScroll, type KeptScroll } from './use-kept-scroll.ts';

const ROW_HEIGHT = 28;

export interface GridColumn {
  readonly name: string;
  /** Of a track of a CSS grid that is at least so wide, in pixels, and gets its share of what is left. */
  readonly width: number;
  readonly isNumeric?: boolean;
  /** Keeps its width where there is room. */
  readonly isFixed?: boolean;
}

interface DataGridProps {
  readonly label: string;
  /** Distinguishes the rows' ids, and the widths that columns were given, from those of another grid. */
  readonly id: string;
  readonly columns: readonly GridColumn[];
  readonly count: number;
  /** What stands in a row, a cell for each column. `room`: how many characters of a name the first of them has room for. */
  readonly cells: (row: number, room: number) => readonly ReactNode[];
  /** The row that the keys go on from; it is kept in view. Null for none. */
  readonly current: number | null;
  /** Rows that are marked: the current one, if absent. */
  readonly isMarked?: (row: number) => boolean;
  readonly onCurrent: (row: number) => void;
  readonly onClick: (row: number) => void;
  /** Enter on the current row. */
  readonly onEnter?: (row: number) => void;
  /** At most so many rows high; absent: as high as its place. */
  readonly mostRows?: number;
  /** With a border of its own. */
  readonly isFramed?: boolean;
  /** Where the table was left, and what keeps that; absent: it begins with the current row. */
  readonly kept?: KeptScroll;
}

/** Widths that a user has given to columns, in pixels by name. */
type Widths = Readonly<Record<string, number>>;

/** A table of any length, of which the lines in view are drawn. Arrow keys, Page Up and Down, Home and End move. */
export function DataGrid(props: DataGridProps) {
  const {
    label,
    id,
    columns,
    count,
    cells,
    current,
    onCurrent,
    onClick,
    onEnter,
    mostRows,
    isFramed = false,
    kept,
  } = props;
  const isMarked = props.isMarked ?? ((row: number) => row === current);
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    scrollPaddingStart: ROW_HEIGHT,
  });
  const { ref: nameHead, width: nameWidth } = useElementSize();
  const room = charactersIn(nameWidth);
  const [widths, setWidths] = useLocalStorage<Widths>({
    key: `${id}-columns`,
    defaultValue: {},
    getInitialValueInEffect: false,
  });
  const isLeft = useRef(kept !== undefined && kept.offset > 0);
  useKeptScroll(scroll, kept, true);
  useEffect(() => {
    if (current !== null && current >= 0 && !isLeft.current) virtual.scrollToIndex(current);
    isLeft.current = false;
  }, [current, virtual]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? 280) / ROW_HEIGHT) - 2);
    const next = moveInLines(event.key, current ?? -1, count, page);
    if (next !== null) onCurrent(next);
    else if (event.key === 'Enter' && onEnter && current !== null) onEnter(current);
    else return;
    event.preventDefault();
    // What the table has understood must not lead away from it as well.
    event.stopPropagation();
  };
  return (
    <div
      ref={scroll}
      className={styles.grid}
      data-framed={isFramed || undefined}
      role="grid"
      aria-label={label}
      aria-rowcount={count + 1}
      aria-activedescendant={current === null ? undefined : `${id}-${current}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      style={gridStyle(columns, widths, mostRows)}
    >
      <div className={styles.head} role="row">
        {columns.map(({ name, isNumeric }, index) => (
          <span key={name} ref={index === 0 ? nameHead : null} role="columnheader" data-numeric={isNumeric}>
            <span className={styles.headText}>{name}</span>
            <ColumnResizer
              onResize={(width) => {
                setWidths(({ [name]: _, ...others }) => (width === null ? others : { ...others, [name]: width }));
              }}
            />
          </span>
        ))}
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <div
            key={index}
            id={`${id}-${index}`}
            role="row"
            aria-rowindex={index + 2}
            aria-selected={index === current}
            data-marked={isMarked(index) || undefined}
            className={styles.row}
            style={{ transform: `translateY(${start}px)` }}
            onClick={() => {
              onClick(index);
            }}
          >
            {cells(index, room).map((cell, column) => (
              <span key={columns[column]!.name} role="gridcell" data-numeric={columns[column]!.isNumeric}>
                {cell}
              </span>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

function gridStyle(columns: readonly GridColumn[], widths: Widths, mostRows: number | undefined): CSSProperties {
  // Lines are grids of their own: a track as wide as its text would differ from line to line.
  const tracks = columns.map(({ name, width, isFixed }) =>
    isFixed || widths[name] !== undefined ? `${widths[name] ?? width}px` : `minmax(${width}px, ${width}fr)`,
  );
  const least = columns.reduce((sum, { name, width }) => sum + (widths[name] ?? width), 0);
  return {
    '--tracks': tracks.join(' '),
    '--least': `${least}px`,
    ...(mostRows !== undefined && { maxHeight: (mostRows + 1) * ROW_HEIGHT }),
  } as CSSProperties;
}
