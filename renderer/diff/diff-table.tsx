import { useLocalStorage } from '@mantine/hooks';
import { useMemo, useState, type ReactNode } from 'react';
import type { DiffRow } from '../../src-core/index.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';
import { DataGrid, type GridColumn } from '../components/data-grid.tsx';
import { GroupHead, GroupingControl } from '../components/group-head.tsx';
import { groupedLines, groupOfName, toggled, type GroupLine, type Grouping } from '../components/grouped-lines.ts';
import { FilterField } from '../components/filter-field.tsx';
import { longestOf, shortName } from '../components/short-name.ts';
import { Shortened } from '../components/tensor-name.tsx';
import { wordMatcher } from '../components/word-matcher.ts';
import type { PlaceStates } from '../stores/place-states.ts';
import styles from './diff.module.css';
import { changedText, figureText, groupFacts, mostMoved, STATUS_WORDS } from './words.ts';

const COLUMNS: readonly GridColumn[] = [
  { name: 'Tensor', width: 260 },
  { name: 'What', width: 128, isFixed: true },
  { name: 'Changed', width: 116, isFixed: true, isNumeric: true },
  { name: 'Relative norm', width: 108, isFixed: true, isNumeric: true },
  { name: 'Cosine', width: 92, isFixed: true, isNumeric: true },
  { name: 'Largest', width: 92, isFixed: true, isNumeric: true },
];

interface DiffTableProps {
  /** Those that moved most first. */
  readonly rows: readonly DiffRow[];
  readonly shown: DiffRow | null;
  readonly onShow: (row: DiffRow) => void;
  readonly state: PlaceStates['diff'];
  readonly onChange: (change: Partial<PlaceStates['diff']>) => void;
}

/** All tensors of both sides, filtered by name, alone or by layer or module. A group stands where its most moved tensor would. */
export function DiffTable({ rows, shown, onShow, state, onChange }: DiffTableProps) {
  const { query, closed, isOpen, scroll } = state;
  const [grouping, setGrouping] = useLocalStorage<Grouping>({
    key: 'diff-grouping',
    defaultValue: 'none',
    getInitialValueInEffect: false,
  });
  const [head, setHead] = useState<string | null>(null);
  const filtered = useMemo(() => {
    const matches = wordMatcher(query);
    return matches ? rows.filter(({ name }) => matches(name)) : rows;
  }, [rows, query]);
  const longest = useMemo(() => longestOf(filtered.map(({ name }) => name)), [filtered]);
  const lines = useMemo(() => {
    const groupOf = grouping === 'none' ? null : (index: number) => groupOfName(filtered[index]!.name, grouping);
    return groupedLines(filtered.length, groupOf, closed);
  }, [filtered, grouping, closed]);
  // The keys go on from a group's head or from the row that is shown.
  const current = lines.findIndex((line) =>
    line.kind === 'group' ? line.key === head : head === null && filtered[line.index] === shown,
  );
  const go = (line: number): void => {
    const there = lines[line]!;
    setHead(there.kind === 'group' ? there.key : null);
    if (there.kind === 'row') onShow(filtered[there.index]!);
  };
  const toggle = (line: number): void => {
    const there = lines[line]!;
    if (there.kind === 'group') onChange({ closed: toggled(closed, there.key) });
  };
  return (
    <div className={styles.table}>
      <div className={styles.toolbar}>
        <FilterField
          className={styles.filter}
          placeholder="Filter: layers.3 q_proj"
          query={query}
          onQuery={(next) => onChange({ query: next })}
        />
        <span className="quiet">
          {filtered.length === rows.length
            ? formatPlural(rows.length, 'tensor')
            : `${formatCount(filtered.length)} of ${formatPlural(rows.length, 'tensor')}`}
        </span>
        <span className={styles.right}>
          <GroupingControl grouping={grouping} onGrouping={setGrouping} />
        </span>
      </div>
      <DataGrid
        label="Tensors"
        id="diff"
        columns={COLUMNS}
        count={lines.length}
        cells={(index, room) => {
          const line = lines[index]!;
          return line.kind === 'group' ? groupCells(line, filtered) : cellsOf(filtered[line.index]!, room, longest);
        }}
        current={current < 0 ? null : current}
        isMarked={(line) => line === current && (isOpen || head !== null)}
        onCurrent={go}
        onClick={(line) => {
          go(line);
          toggle(line);
        }}
        onEnter={toggle}
        kept={{ offset: scroll, keep: (offset) => onChange({ scroll: offset }) }}
      />
    </div>
  );
}

function groupCells({ key, indices, isOpen }: GroupLine, rows: readonly DiffRow[]): ReactNode[] {
  const inside = indices.map((index) => rows[index]!);
  return [
    <GroupHead key="name" label={key} isOpen={isOpen} facts={groupFacts(inside)} />,
    '',
    '',
    figureText(mostMoved(inside)),
    '',
    '',
  ];
}

function cellsOf(row: DiffRow, room: number, longest: string): ReactNode[] {
  const { name, status, values } = row;
  const figures = status === 'different' ? values : null;
  return [
    <Shortened key="name" text={name} short={shortName(name, room, longest)} />,
    <span key="status" data-status={status} className={styles.status}>
      {STATUS_WORDS[status]}
    </span>,
    changedText(row),
    figureText(figures?.relativeNorm),
    figureText(figures?.cosine, 6),
    figureText(figures?.maxAbs),
  ];
}
