import { UnstyledButton } from '@mantine/core';
import type { ReactTable } from '@tanstack/react-table';
import type { ParameterRow } from '../../src-core/index.ts';
import type { Arrangement, SortKey } from './arrange.ts';
import { NUMERIC, type features } from './columns.tsx';
import styles from './parameters.module.css';

interface TableHeadProps {
  readonly table: ReactTable<typeof features, ParameterRow>;
  readonly sort: Arrangement['sort'];
  readonly onSort: (sort: Arrangement['sort']) => void;
}

/** The names of the columns: a click sorts ascending, then descending, then as the model has them; the edge resizes. */
export function TableHead({ table, sort, onSort }: TableHeadProps) {
  const headers = table.getHeaderGroups()[0]?.headers ?? [];
  return (
    <div className={styles.head} role="row" aria-rowindex={1}>
      {headers.map((header) => {
        const key = header.column.id as SortKey;
        const order = sort?.key === key ? (sort.descending ? 'descending' : 'ascending') : 'none';
        const resize = header.getResizeHandler();
        return (
          <div
            key={header.id}
            role="columnheader"
            aria-sort={order}
            className={styles.headCell}
            data-numeric={NUMERIC.has(key) || undefined}
          >
            <UnstyledButton
              className={styles.sortButton}
              onClick={() => {
                onSort(nextSort(key, sort));
              }}
            >
              {String(header.column.columnDef.header)}
              <span aria-hidden>{order === 'none' ? '' : order === 'ascending' ? '↑' : '↓'}</span>
            </UnstyledButton>
            <span className={styles.resizer} onMouseDown={resize} onTouchStart={resize} aria-hidden />
          </div>
        );
      })}
    </div>
  );
}

function nextSort(key: SortKey, sort: Arrangement['sort']): Arrangement['sort'] {
  if (sort?.key !== key) return { key, descending: false };
  return sort.descending ? null : { key, descending: true };
}
