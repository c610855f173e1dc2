import { NumberInput } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useState, type KeyboardEvent } from 'react';
import { tableSize } from '../../src-core/inspect/drawing/table.ts';
import type { CheckpointId } from '../../electron/channels.ts';
import type { SliceValues, TensorTarget } from '../../src-core/app-door.ts';
import { formatCount } from '../../src-core/units.ts';
import { ProblemCard } from '../components/problem-card.tsx';
import { useAnswer } from '../use-answer.ts';
import styles from './values.module.css';
import { exactValue, moveCell, shortValue, windowAt, windowWith, type Cell } from './window.ts';

const CELL_WIDTH = 92;
const HEAD_WIDTH = 64;

interface ValueGridProps {
  readonly checkpoint: CheckpointId;
  readonly target: TensorTarget;
  readonly shape: readonly number[];
  /** Rows that are shown at once. */
  readonly rows: number;
  readonly cell: Cell;
  readonly onCell: (cell: Cell) => void;
}

/** The numbers of a tensor around one element. Arrow keys move, fields jump. */
export function ValueGrid({ checkpoint, target, shape, rows, cell, onCell }: ValueGridProps) {
  const { ref, width } = useElementSize();
  const columns = Math.max(1, Math.floor((width - HEAD_WIDTH) / CELL_WIDTH));
  const [start, setStart] = useState(cell);
  const fitted = windowAt(shape, start, rows, columns);
  const slice = windowWith(fitted, cell);
  if (slice.row !== fitted.row || slice.column !== fitted.column) setStart(slice);
  const { value: known, problem } = useAnswer('tensor:values', width > 0 ? { checkpoint, target, slice } : null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = moveCell(event.key, cell, shape, slice);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    onCell(next);
  };
  return (
    <div className={styles.grid} ref={ref}>
      <Jump shape={shape} cell={cell} onCell={onCell} />
      {problem && <ProblemCard problem={problem} />}
      <div className={styles.cells} tabIndex={0} role="grid" aria-label="Values" onKeyDown={onKeyDown}>
        <div role="row" className={styles.row}>
          <span role="columnheader" className={styles.corner} />
          {Array.from({ length: slice.columns }, (_, column) => (
            <span key={column} role="columnheader" className={styles.head}>
              {formatCount(slice.column + column)}
            </span>
          ))}
        </div>
        {Array.from({ length: slice.rows }, (_, row) => (
          <div key={row} role="row" className={styles.row}>
            <span role="rowheader" className={styles.head}>
              {formatCount(slice.row + row)}
            </span>
            {Array.from({ length: slice.columns }, (__, column) => {
              const at = { leading: cell.leading, row: slice.row + row, column: slice.column + column };
              return (
                <ValueCell
                  key={column}
                  value={valueAt(known, row, column)}
                  isChosen={at.row === cell.row && at.column === cell.column}
                  onPick={() => {
                    onCell(at);
                  }}
                />
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

function valueAt(known: SliceValues | null, row: number, column: number): number | string | null {
  return known ? (known.values[row * known.slice.columns + column] ?? null) : null;
}

interface ValueCellProps {
  readonly value: number | string | null;
  readonly isChosen: boolean;
  readonly onPick: () => void;
}

function ValueCell({ value, isChosen, onPick }: ValueCellProps) {
  const isOdd = typeof value === 'number' && !Number.isFinite(value);
  return (
    <span
      role="gridcell"
      className={styles.cell}
      aria-selected={isChosen}
      data-odd={isOdd || undefined}
      title={value === null ? undefined : exactValue(value)}
      onClick={onPick}
    >
      {value === null ? '' : shortValue(value)}
    </span>
  );
}

function Jump({ shape, cell, onCell }: Pick<ValueGridProps, 'shape' | 'cell' | 'onCell'>) {
  const { rows, columns } = tableSize(shape);
  const field = (label: string, value: number, count: number, change: (value: number) => void) => (
    <NumberInput
      key={label}
      size="xs"
      label={label}
      className={styles.jumpField}
      min={0}
      max={count - 1}
      clampBehavior="strict"
      allowDecimal={false}
      thousandSeparator=" "
      value={value}
      onChange={(next) => {
        if (typeof next === 'number' && next >= 0 && next < count) change(next);
      }}
    />
  );
  return (
    <div className={styles.jump}>
      {cell.leading.map((value, axis) =>
        field(`Dim ${axis}`, value, shape[axis]!, (next) => {
          onCell({ ...cell, leading: cell.leading.map((old, k) => (k === axis ? next : old)) });
        }),
      )}
      {rows > 1 && field('Row', cell.row, rows, (row) => onCell({ ...cell, row }))}
      {columns > 1 && field('Column', cell.column, columns, (column) => onCell({ ...cell, column }))}
    </div>
  );
}
