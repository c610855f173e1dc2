import { useState, type ReactNode } from 'react';
import type { Replica } from '../../src-core/index.ts';
import { formatCount } from '../../src-core/units.ts';
import { DataGrid, type GridColumn } from '../components/data-grid.tsx';
import { MiddleName } from '../components/middle-name.tsx';
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
  const show = (row: number): void => {
    showLayout(rows[row]!);
  };
  return (
    <DataGrid
      label="Parameters with copies"
      id="replica"
      columns={COLUMNS}
      count={rows.length}
      cells={(row) => cellsOf(rows[row]!)}
      current={rows.length === 0 ? null : Math.min(active, rows.length - 1)}
      isMarked={() => false}
      onCurrent={setActive}
      onClick={show}
      onEnter={show}
      isFramed
    />
  );
}

function cellsOf(replica: Replica): ReactNode[] {
  const difference = differencesText(replica);
  return [
    <MiddleName key="name" text={replica.name} tail={32} className="mono" />,
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
