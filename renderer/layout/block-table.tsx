import type { ReactNode } from 'react';
import { byteSpan } from '../../src-core/inspect/drawing/byte-span.ts';
import type { ParameterLayout } from '../../src-core/index.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';
import { DataGrid, type GridColumn } from '../components/data-grid.tsx';
import { rangeText } from '../components/range-text.ts';
import { axisNames, copyText, headText } from './blocks.ts';
import styles from './layout.module.css';

const SHOWN_ROWS = 7;

interface BlockTableProps {
  readonly layout: ParameterLayout;
  readonly chosen: number | null;
  readonly picked: number | null;
  readonly onPick: (block: number | null) => void;
}

/** The picture as a table, for the keyboard and for screen readers. Arrow keys choose a region, in the picture too. */
export function BlockTable({ layout, chosen, picked, onPick }: BlockTableProps) {
  return (
    <section aria-label="Regions">
      <h2 className={styles.tableTitle}>{formatPlural(layout.blockCount, 'region')}</h2>
      <DataGrid
        label="Regions of the parameter"
        id="block"
        columns={columnsOf(layout)}
        count={layout.blocks.length}
        cells={(row) => cellsOf(layout, row)}
        current={picked}
        isMarked={(row) => row === chosen || row === picked}
        onCurrent={onPick}
        onClick={(row) => {
          onPick(row === picked ? null : row);
        }}
        mostRows={SHOWN_ROWS}
        isFramed
      />
    </section>
  );
}

/** As wide as what is in them at the most in real models, so that all of them fit beside the side panel at 1280 pixels. */
function columnsOf({ heads, row, copies }: ParameterLayout): GridColumn[] {
  const axes = axisNames(row.shape.length);
  const headWidth = heads?.kind === 'query' ? 188 : 72;
  return [
    { name: 'Rank', width: 76 },
    ...(heads ? [{ name: 'Heads', width: headWidth }] : []),
    ...axes.map((name) => ({ name, width: 72 })),
    ...axes.map((name) => ({ name: `${name}, rank`, width: 88 })),
    ...(copies > 1 ? [{ name: 'Copy', width: 80 }] : []),
    { name: 'First byte', width: 84 },
  ];
}

function cellsOf(layout: ParameterLayout, row: number): ReactNode[] {
  const block = layout.blocks[row]!;
  const tensor = layout.tensors[block.tensor]!;
  const { rank } = tensor;
  return [
    `TP ${rank?.tp ?? 0}${rank && rank.pp > 0 ? `, PP ${rank.pp}` : ''}`,
    ...(layout.heads ? [headText(block, layout)] : []),
    ...block.at.map((at, axis) => rangeText(at, block.size[axis]!)),
    ...block.from.map((from, axis) => rangeText(from, block.size[axis]!)),
    ...(layout.copies > 1 ? [copyText(block.copy, layout.copies)] : []),
    formatCount(byteSpan(tensor, block.from, block.size).from),
  ];
}
