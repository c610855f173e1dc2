import { ActionIcon, Select, type OptionsFilter } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import type { ParameterRow } from '../../src-core/index.ts';
import { wordMatcher } from '../components/word-matcher.ts';
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
  const severalParts = useMemo(() => new Set(rows.map(({ part }) => part)).size > 1, [rows]);
  const data = useMemo(
    () => rows.map((candidate) => ({ value: keyOf(candidate), label: labelOf(candidate, severalParts) })),
    [rows, severalParts],
  );
  const [search, setSearch] = useState('');
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
        searchValue={search}
        onSearchChange={setSearch}
        onDropdownClose={() => setSearch(labelOf(row, severalParts))}
        limit={OFFERED}
        allowDeselect={false}
        selectFirstOptionOnChange
        filter={matching}
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

function labelOf({ part, name }: ParameterRow, severalParts: boolean): string {
  return severalParts ? `${part}: ${name}` : name;
}

/** As the filters of the other places search: every word, in any order. */
const matching: OptionsFilter = ({ options, search, limit }) => {
  const matches = wordMatcher(search);
  const found: typeof options = [];
  for (const option of options) {
    if (found.length === limit) break;
    if (!matches || ('label' in option && matches(option.label))) found.push(option);
  }
  return found;
};

function keyOf({ part, name }: ParameterRow): string {
  return `${part} ${name}`;
}
