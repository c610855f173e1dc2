import { useMemo, useState, type ReactNode } from 'react';
import type { Replica } from '../../src-core/index.ts';
import { formatCount } from '../../src-core/units.ts';
import { DataGrid, type GridColumn } from '../components/data-grid.tsx';
import { longestOf, shortName } from '../components/short-name.ts';
import { Shortened } from '../components/tensor-name.tsx';
import { showLayout } from '../stores/session.ts';
import styles from './replicas.module.css';
import { differencesText } from './words.ts';

const COLUMNS: readonly GridColumn[] = [
  { name: 'Parameter', width: 240 },
  { name: 'What is replicated', width: 128, isFixed: true },
  { name: 'Copies', width: 64, isFixed: true, isNumeric: true },
  { name: 'Compared', width: 240 },
];

/** A row for each parameter of which there are copies. Enter or a click shows where they are. */
export function ReplicaTable({ rows }: { readonly rows: readonly Replica[] }) {
  const [active, setActive] = useState(0);
  const longest = useMemo(() => longestOf(rows.map(({ name }) => name)), [rows]);
  const show = (row: number): void => {
    showLayout(rows[row]!);
  };
  return (
    <DataGrid
      label="Parameters with copies"
      id="replica"
      columns={COLUMNS}
      count={rows.length}
      cells={(row, room) => cellsOf(rows[row]!, room, longest)}
      current={rows.length === 0 ? null : Math.min(active, rows.length - 1)}
      isMarked={() => false}
      onCurrent={setActive}
      onClick={show}
      onEnter={show}
      isFramed
    />
  );
}

function cellsOf(replica: Replica, room: number, longest: string): ReactNode[] {
  const difference = differencesText(replica);
  return [
    <Shortened key="name" text={replica.name} short={shortName(replica.name, room, longest)} />,
    replica.kind,
    formatCount(replica.copies),
    difference === '' ? (
      'equal'
    ) : (
      <span key="compared" className={styles.differs}>
        differs on {difference}
      </span>
    ),
  ];
}
