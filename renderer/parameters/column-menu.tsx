import { Button, Checkbox, Popover } from '@mantine/core';
import { IconColumns3 } from '@tabler/icons-react';
import type { ReactTable } from '@tanstack/react-table';
import type { ParameterRow } from '../../src-core/index.ts';
import type { features } from './columns.tsx';
import styles from './parameters.module.css';

/** Which columns are shown. */
export function ColumnMenu({ table }: { readonly table: ReactTable<typeof features, ParameterRow> }) {
  return (
    <Popover position="top-end" trapFocus>
      <Popover.Target>
        <Button size="compact-xs" variant="subtle" color="gray" leftSection={<IconColumns3 size={14} />}>
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className={styles.columnMenu} role="group" aria-label="Columns">
          {table.getAllLeafColumns().map((column) => (
            <Checkbox
              key={column.id}
              label={String(column.columnDef.header)}
              checked={column.getIsVisible()}
              disabled={!column.getCanHide()}
              onChange={(event) => {
                column.toggleVisibility(event.currentTarget.checked);
              }}
            />
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
