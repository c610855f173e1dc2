import { Tooltip } from '@mantine/core';
import { IconFileAlert, IconFileOff } from '@tabler/icons-react';
import { useRef, useState, type KeyboardEvent } from 'react';
import type { PartSummary, RankSummary } from '../../src-core/index.ts';
import { formatBytes, formatPlural } from '../../src-core/units.ts';
import { reveal } from '../actions.ts';
import { showShard } from '../stores/session.ts';
import { moveInGrid } from './grid-keys.ts';
import styles from './rank-grid.module.css';
import { heldText, insideFolder } from './words.ts';

/** A cell for each rank, a row for each pipeline stage. Arrow keys move; Enter shows what the rank has stored, or where a broken file is. */
export function RankGrid({ part, folder }: { readonly part: PartSummary; readonly folder: string }) {
  const { tensorParallelSize: columns, pipelineParallelSize: rows, ranks } = part;
  const [current, setCurrent] = useState(0);
  const cells = useRef<(HTMLButtonElement | null)[]>([]);
  const most = Math.max(1, ...ranks.map(({ bytes }) => bytes ?? 0));
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = moveInGrid(event.key, current, rows, columns);
    if (next === null) return;
    event.preventDefault();
    setCurrent(next);
    cells.current[next]?.focus();
  };
  return (
    <>
      <div
        className={styles.grid}
        data-dense={columns > 16 || undefined}
        role="grid"
        aria-label="Tensor parallel ranks by pipeline stage"
        onKeyDown={onKeyDown}
      >
        <div className={styles.row} role="row">
          <span className={styles.corner} role="columnheader">
            <span className={styles.hidden}>Pipeline stage</span>
          </span>
          {Array.from({ length: columns }, (_, tp) => (
            <span key={tp} className={styles.head} role="columnheader" aria-label={`TP ${tp}`}>
              {columns <= 16 ? `TP ${tp}` : tp % 4 === 0 ? tp : ''}
            </span>
          ))}
        </div>
        {Array.from({ length: rows }, (_, pp) => (
          <div key={pp} className={styles.row} role="row">
            <span className={styles.stage} role="rowheader">
              PP {pp}
            </span>
            {ranks.slice(pp * columns, (pp + 1) * columns).map((rank, tp) => (
              <Cell
                key={tp}
                part={part.part}
                folder={folder}
                rank={rank}
                share={(rank.bytes ?? 0) / most}
                isWide={columns <= 16}
                tabIndex={pp * columns + tp === current ? 0 : -1}
                cellRef={(element) => {
                  cells.current[pp * columns + tp] = element;
                }}
                onFocus={() => {
                  setCurrent(pp * columns + tp);
                }}
              />
            ))}
          </div>
        ))}
      </div>
      <Imbalance ranks={ranks} />
    </>
  );
}

interface CellProps {
  readonly part: PartSummary['part'];
  /** The checkpoint's. */
  readonly folder: string;
  readonly rank: RankSummary;
  readonly share: number;
  readonly isWide: boolean;
  readonly tabIndex: number;
  readonly cellRef: (element: HTMLButtonElement | null) => void;
  readonly onFocus: () => void;
}

function Cell({ part, folder, rank, share, isWide, tabIndex, cellRef, onFocus }: CellProps) {
  const { tp, pp, bytes, tensors, file, state } = rank;
  const held = bytes === null ? '' : `, ${formatBytes(bytes)} in ${formatPlural(tensors ?? 0, 'tensor')}`;
  const name = `TP ${tp}, PP ${pp}: ${state}${held}`;
  return (
    <div role="gridcell" className={styles.cellBox}>
      <Tooltip
        label={
          <>
            {name}
            <br />
            {insideFolder(file, folder)}
          </>
        }
        openDelay={150}
        events={{ hover: true, focus: true, touch: false }}
      >
        <button
          type="button"
          ref={cellRef}
          className={styles.cell}
          data-state={state}
          aria-label={name}
          tabIndex={tabIndex}
          onFocus={onFocus}
          onClick={() => {
            if (bytes === null || state !== 'whole') reveal(file);
            else showShard({ part, rank: { tp, pp }, tensor: null });
          }}
        >
          {/* The bar's height says how much the rank holds beside the fullest one. */}
          <svg className={styles.bar} viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden>
            <rect x="0" y={1 - share} width="1" height={share} />
          </svg>
          <span className={styles.content}>
            {state === 'missing' && <IconFileOff size={16} stroke={1.6} aria-hidden />}
            {state === 'damaged' && <IconFileAlert size={16} stroke={1.6} aria-hidden />}
            {isWide && <span>{state === 'missing' || bytes === null ? state : formatBytes(bytes)}</span>}
          </span>
        </button>
      </Tooltip>
    </div>
  );
}

function Imbalance({ ranks }: { readonly ranks: readonly RankSummary[] }) {
  const text = heldText(ranks);
  return text === null ? null : <p className={styles.caption}>{text}</p>;
}
