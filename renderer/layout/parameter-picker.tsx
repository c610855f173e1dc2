import { ActionIcon, Select } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { ParameterRow } from '../../src-core/index.ts';
import { showLayout } from '../stores/session.ts';
import styles from './layout.module.css';

/** Names offered at once: more than a list has room for is found by typing. */
const OFFERED = 200;

interface ParameterPickerProps {
  readonly rows: readonly ParameterRow[];
  readonly row: ParameterRow;
}

/** Which parameter is shown: by name, or one after the other. */
export function ParameterPicker({ rows, row }: ParameterPickerProps) {
  const keyed = useMemo(() => new Map(rows.map((candidate) => [keyOf(candidate), candidate])), [rows]);
  const data = useMemo(() => {
    const severalParts = new Set(rows.map(({ part }) => part)).size > 1;
    return rows.map((candidate) => ({
      value: keyOf(candidate),
      label: severalParts ? `${candidate.part}: ${candidate.name}` : candidate.name,
    }));
  }, [rows]);
  const position = rows.indexOf(row);
  const step = (by: number): void => {
    const next = rows[position + by];
    if (next) showLayout(next);
  };
  return (
    <div className={styles.picker}>
      <ActionIcon
        variant="default"
        aria-label="The parameter before"
        title="The parameter before"
        disabled={position <= 0}
        onClick={() => step(-1)}
      >
        <IconChevronLeft size={16} />
      </ActionIcon>
      <Select
        className={styles.pickerField}
        aria-label="Parameter"
        data={data}
        value={keyOf(row)}
        searchable
        limit={OFFERED}
        allowDeselect={false}
        selectFirstOptionOnChange
        nothingFoundMessage="No parameter has this in its name."
        attributes={{ input: { 'data-filter': true } }}
        onChange={(key) => {
          const found = key === null ? undefined : keyed.get(key);
          if (found) showLayout(found);
        }}
      />
      <ActionIcon
        variant="default"
        aria-label="The next parameter"
        title="The next parameter"
        disabled={position >= rows.length - 1}
        onClick={() => step(1)}
      >
        <IconChevronRight size={16} />
      </ActionIcon>
    </div>
  );
}

function keyOf({ part, name }: ParameterRow): string {
  return `${part} ${name}`;
}
