import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type CSSProperties, type KeyboardEvent } from 'react';
import { byteSpan } from '../../src-core/inspect/drawing/byte-span.ts';
import type { ParameterLayout } from '../../src-core/index.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';
import { moveInLines } from '../parameters/line-keys.ts';
import { axisNames, copyText, headText, rangeText } from './blocks.ts';
import styles from './block-table.module.css';

const ROW_HEIGHT = 28;
const SHOWN_ROWS = 7;

interface BlockTableProps {
  readonly layout: ParameterLayout;
  readonly chosen: number | null;
  readonly picked: number | null;
  readonly onPick: (block: number | null) => void;
}

/** The picture as a table, for the keyboard and for screen readers. Arrow keys choose a region, in the picture too. */
export function BlockTable({ layout, chosen, picked, onPick }: BlockTableProps) {
  const { blocks, tensors, heads, copies, row } = layout;
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: blocks.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    scrollPaddingStart: ROW_HEIGHT,
  });
  useEffect(() => {
    if (picked !== null) virtual.scrollToIndex(picked);
  }, [picked, virtual]);
  const axes = axisNames(row.shape.length);
  const columns = [
    'Rank',
    ...(heads ? ['Heads'] : []),
    ...axes,
    ...axes.map((name) => `${name}, rank`),
    'Copy',
    'First byte',
  ];
  const widths = columns.map((name) => (name === 'Heads' ? 216 : 96));
  const template = widths.map((width) => `minmax(${width}px, ${width}fr)`).join(' ');
  const least = widths.reduce((sum, width) => sum + width, 24);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = moveInLines(event.key, picked ?? -1, blocks.length, SHOWN_ROWS - 1);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    onPick(next);
  };
  return (
    <section aria-label="Regions">
      <h2 className={styles.tableTitle}>{formatPlural(layout.blockCount, 'region')}</h2>
      <div
        ref={scroll}
        className={styles.table}
        role="grid"
        aria-label="Regions of the parameter"
        aria-rowcount={blocks.length + 1}
        aria-activedescendant={picked === null ? undefined : `block-${picked}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        style={
          {
            '--block-columns': template,
            '--block-width': `${least}px`,
            maxHeight: (SHOWN_ROWS + 1) * ROW_HEIGHT,
          } as CSSProperties
        }
      >
        <div className={styles.tableHead} role="row">
          {columns.map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
        <div role="rowgroup" className={styles.tableBody} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const block = blocks[index]!;
            const { rank } = tensors[block.tensor]!;
            const cells = [
              `TP ${rank?.tp ?? 0}${rank && rank.pp > 0 ? `, PP ${rank.pp}` : ''}`,
              ...(heads ? [headText(block, layout)] : []),
              ...block.at.map((at, axis) => rangeText(at, block.size[axis]!)),
              ...block.from.map((from, axis) => rangeText(from, block.size[axis]!)),
              copyText(block.copy, copies),
              formatCount(byteSpan(tensors[block.tensor]!, block.from, block.size).from),
            ];
            return (
              <div
                key={index}
                id={`block-${index}`}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={index === picked}
                data-chosen={index === chosen || undefined}
                className={styles.tableRow}
                style={{ transform: `translateY(${start}px)` }}
                onClick={() => {
                  onPick(index === picked ? null : index);
                }}
              >
                {cells.map((text, column) => (
                  <span key={columns[column]} role="gridcell">
                    {text}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}
