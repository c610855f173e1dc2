import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useMemo, type ReactNode } from 'react';
import type { HeldTensor, RankContent } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatPlural, formatShape } from '../../src-core/units.ts';
import { DataGrid, type GridColumn } from '../components/data-grid.tsx';
import { MiddleName } from '../components/middle-name.tsx';
import { wordMatcher } from '../components/word-matcher.ts';
import styles from './shards.module.css';

const COLUMNS: readonly GridColumn[] = [
  { name: 'Neuron parameter', width: 200 },
  { name: 'Shape', width: 92, isFixed: true },
  { name: 'Dtype', width: 40, isFixed: true },
  { name: 'Size', width: 60, isFixed: true, isNumeric: true },
  { name: 'Offset', width: 76, isFixed: true, isNumeric: true },
];

interface TensorListProps {
  readonly content: RankContent;
  readonly shown: HeldTensor;
  readonly query: string;
  readonly onQuery: (query: string) => void;
  readonly onPick: (tensor: HeldTensor) => void;
}

/** The rank's tensors under their Neuron names, in the order in which they were saved. Arrow keys choose. */
export function TensorList({ content, shown, query, onQuery, onPick }: TensorListProps) {
  const tensors = useMemo(() => {
    const matches = wordMatcher(query);
    return matches ? content.tensors.filter(({ name }) => matches(name)) : content.tensors;
  }, [content, query]);
  const current = tensors.indexOf(shown);
  const pick = (row: number): void => {
    onPick(tensors[row]!);
  };
  return (
    <div className={styles.list}>
      <TextInput
        className={styles.filter}
        aria-label="Filter"
        placeholder="Filter: layers.3 qkv"
        leftSection={<IconSearch size={16} stroke={1.6} />}
        value={query}
        attributes={{ input: { 'data-filter': true } }}
        onChange={(event) => {
          onQuery(event.currentTarget.value);
        }}
      />
      <div className={styles.rows}>
        <DataGrid
          label="Tensors of the rank"
          id="tensor"
          columns={COLUMNS}
          count={tensors.length}
          cells={(row) => cellsOf(tensors[row]!)}
          current={current < 0 ? null : current}
          onCurrent={pick}
          onClick={pick}
        />
      </div>
      <footer className={styles.foot}>
        {tensors.length === content.tensors.length
          ? formatPlural(tensors.length, 'tensor')
          : `${formatCount(tensors.length)} of ${formatPlural(content.tensors.length, 'tensor')}`}
      </footer>
    </div>
  );
}

function cellsOf({ name, shape, dtype, bytes, byteOffset }: HeldTensor): ReactNode[] {
  return [
    <MiddleName key="name" text={name} tail={26} className="mono" />,
    <span key="shape" className="mono">
      {formatShape(shape)}
    </span>,
    <span key="dtype" className="mono">
      {dtype}
    </span>,
    formatBytes(bytes),
    formatCount(byteOffset),
  ];
}
