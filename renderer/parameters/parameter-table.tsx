import { useElementSize } from '@mantine/hooks';
import { useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  memo,
  useEffect,
  useMemo,
  useRef,
  useState,
  type CSSProperties,
  type KeyboardEvent,
  type ReactNode,
} from 'react';
import type { ParameterRow } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatPlural } from '../../src-core/units.ts';
import { copyText } from '../actions.ts';
import { GroupHead } from '../components/group-head.tsx';
import type { GroupLine, Line } from '../components/grouped-lines.ts';
import type { Arrangement, SortKey } from './arrange.ts';
import { ColumnMenu } from './column-menu.tsx';
import { CELLS, columns, features, longestNames, NUMERIC, SHARES, type NameRooms } from './columns.tsx';
import { moveInLines } from '../components/line-keys.ts';
import { charactersIn } from '../components/tensor-name.tsx';
import { useKeptScroll, type KeptScroll } from '../components/use-kept-scroll.ts';
import styles from './parameters.module.css';
import { rememberColumns, rememberedColumns } from './remembered-columns.ts';
import { TableHead } from './table-head.tsx';
import { rowsAsTsv } from './tsv.ts';

const ROW_HEIGHT = 28;
const OVERSCAN = 6;
/** Beside the lines, and behind what a cell shows, in pixels. */
const SIDE = 24;
const GAP = 12;

/** The table draws its lines itself; from TanStack it has the columns. */
const NO_ROWS: ParameterRow[] = [];

interface ParameterTableProps {
  readonly rows: readonly ParameterRow[];
  readonly lines: readonly Line[];
  readonly sort: Arrangement['sort'];
  readonly onSort: (sort: Arrangement['sort']) => void;
  /** Opens or closes a group. */
  readonly onToggle: (key: string) => void;
  /** The parameter at the side. */
  readonly shown: ParameterRow | null;
  readonly onShow: (row: ParameterRow | null) => void;
  readonly total: number;
  readonly loaded: number;
  readonly scroll: KeptScroll;
}

/** The mapping table. Only the lines in view are drawn; arrow keys move, Enter opens, Ctrl or Cmd with C copies. */
export function ParameterTable(props: ParameterTableProps) {
  const { rows, lines, sort, onSort, onToggle, shown, onShow, total, loaded, scroll: kept } = props;
  const [remembered] = useState(rememberedColumns);
  const table = useTable({
    features,
    columns,
    data: NO_ROWS,
    columnResizeMode: 'onChange',
    initialState: remembered,
  });
  const { columnVisibility, columnSizing } = table.state;
  useEffect(() => {
    rememberColumns({ columnVisibility, columnSizing });
  }, [columnVisibility, columnSizing]);
  const [active, setActive] = useState<number | null>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    scrollPaddingStart: ROW_HEIGHT,
  });
  useKeptScroll(scroll, kept, loaded >= total || lines.length * ROW_HEIGHT > kept.offset);
  const lineOfShown = useMemo(
    () => (shown ? lines.findIndex((line) => isShownLine(line, rows, shown)) : 0),
    [lines, rows, shown],
  );
  const current = Math.min(active ?? Math.max(0, lineOfShown), Math.max(0, lines.length - 1));
  const visible = table.getVisibleLeafColumns();
  const shownColumns = visible.map(({ id }) => id as SortKey);
  const { ref: body, width } = useElementSize();
  // Names share what the columns leave.
  const shares = shownColumns.reduce((sum, id) => sum + (SHARES[id] ?? 0), 0);
  const shareOf = (id: SortKey): number => (SHARES[id] ?? 0) / shares;
  const spare = Math.max(0, width - 2 * SIDE - table.getTotalSize());
  const sizes = new Map(shownColumns.map((id, index) => [id, visible[index]!.getSize() + spare * shareOf(id)]));
  const template = [...sizes.values()].map((size) => `${size}px`).join(' ');
  const longest = useMemo(() => longestNames(rows), [rows]);
  const roomOf = (id: SortKey): number => charactersIn((sizes.get(id) ?? 0) - GAP);
  const rooms: NameRooms = { name: roomOf('name'), from: roomOf('from'), longest };
  const most = Math.ceil((virtual.scrollRect?.height ?? 0) / ROW_HEIGHT) + 2 * OVERSCAN + 2;
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? 280) / ROW_HEIGHT) - 2);
    const next = moveInLines(event.key, current, lines.length, page);
    const line = lines[current];
    if (next !== null) {
      setActive(next);
      virtual.scrollToIndex(next);
      const there = lines[next];
      if (shown && there?.kind === 'row') onShow(rows[there.index]!);
    } else if (event.key === 'Enter' || event.key === ' ') {
      if (line?.kind === 'group') onToggle(line.key);
      else if (line) onShow(rows[line.index]!);
    } else if (event.key.toLowerCase() === 'c' && (event.ctrlKey || event.metaKey) && line?.kind === 'row') {
      copyText(rowsAsTsv([rows[line.index]!]));
    } else {
      return;
    }
    event.preventDefault();
    // What the table has understood must not lead away from it as well.
    event.stopPropagation();
  };
  return (
    <div className={styles.tableBox}>
      <div
        ref={scroll}
        className={styles.scroll}
        data-testid="parameters-scroll"
        role={lines.some(({ kind }) => kind === 'group') ? 'treegrid' : 'grid'}
        aria-label="Parameters"
        aria-rowcount={lines.length + 1}
        aria-colcount={visible.length}
        aria-activedescendant={`line-${current}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        style={{ '--columns': template, '--width': `${table.getTotalSize()}px` } as CSSProperties}
      >
        <TableHead table={table} sort={sort} onSort={onSort} />
        <div ref={body} className={styles.body} role="rowgroup" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => (
            <TableLine
              // Lines that leave at one end are used again at the other: making elements costs more than filling them.
              key={index % most}
              line={lines[index]!}
              rows={rows}
              row={lineRow(lines[index]!, rows)}
              index={index}
              top={start}
              isActive={index === current}
              isShown={isShownLine(lines[index]!, rows, shown)}
              columns={shownColumns}
              rooms={rooms}
              columnKey={`${template} ${longest.name} ${longest.from}`}
              onPick={(line) => {
                setActive(index);
                if (line.kind === 'group') onToggle(line.key);
                else onShow(rows[line.index]!);
              }}
            />
          ))}
        </div>
      </div>
      <footer className={styles.tableFoot}>
        <span>
          {rows.length === loaded
            ? formatPlural(rows.length, 'row')
            : `${formatCount(rows.length)} of ${formatPlural(loaded, 'row')}`}
          {loaded < total && ` · ${formatCount(loaded)} of ${formatCount(total)} read`}
        </span>
        <ColumnMenu table={table} />
      </footer>
    </div>
  );
}

function lineRow(line: Line, rows: readonly ParameterRow[]): ParameterRow | null {
  return line.kind === 'row' ? (rows[line.index] ?? null) : null;
}

function isShownLine(line: Line, rows: readonly ParameterRow[], shown: ParameterRow | null): boolean {
  return line.kind === 'row' && shown !== null && rows[line.index] === shown;
}

interface TableLineProps {
  readonly line: Line;
  /** All of the table's. */
  readonly rows: readonly ParameterRow[];
  readonly row: ParameterRow | null;
  readonly index: number;
  readonly top: number;
  readonly isActive: boolean;
  readonly isShown: boolean;
  readonly columns: readonly SortKey[];
  readonly rooms: NameRooms;
  /** Changes when columns do: which they are, how wide, and what names in them lose. */
  readonly columnKey: string;
  readonly onPick: (line: Line) => void;
}

/** Scrolling draws lines again only where they are new: everything else about them stays the same. */
const TableLine = memo(
  function TableLine({ line, rows, row, index, top, isActive, isShown, columns: keys, rooms, onPick }: TableLineProps) {
    return (
      <div
        id={`line-${index}`}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={isShown}
        aria-expanded={line.kind === 'group' ? line.isOpen : undefined}
        className={line.kind === 'group' ? styles.group : styles.line}
        data-active={isActive || undefined}
        data-shown={isShown || undefined}
        style={{ transform: `translateY(${top}px)` }}
        onClick={() => {
          onPick(line);
        }}
      >
        {line.kind === 'group' ? (
          <GroupCell line={line} rows={rows} />
        ) : (
          row && <Cells row={row} keys={keys} rooms={rooms} />
        )}
      </div>
    );
  },
  (a, b) =>
    a.line === b.line &&
    a.row === b.row &&
    a.top === b.top &&
    a.isActive === b.isActive &&
    a.isShown === b.isShown &&
    a.columnKey === b.columnKey,
);

interface CellsProps {
  readonly row: ParameterRow;
  readonly keys: readonly SortKey[];
  readonly rooms: NameRooms;
}

function Cells({ row, keys, rooms }: CellsProps): ReactNode {
  return keys.map((key) => (
    <div key={key} role="gridcell" className={styles.cell} data-numeric={NUMERIC.has(key) || undefined}>
      {CELLS[key](row, rooms)}
    </div>
  ));
}

interface GroupCellProps {
  readonly line: GroupLine;
  readonly rows: readonly ParameterRow[];
}

function GroupCell({ line: { key, indices, isOpen }, rows }: GroupCellProps) {
  const bytes = useMemo(() => indices.reduce((sum, index) => sum + rows[index]!.bytes, 0), [indices, rows]);
  return (
    <div role="gridcell" className={styles.groupCell}>
      <GroupHead
        label={key}
        isOpen={isOpen}
        facts={`${formatPlural(indices.length, 'parameter')}, ${formatBytes(bytes)}`}
      />
    </div>
  );
}
