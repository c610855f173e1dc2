import { useMemo, type ReactNode } from 'react';
import type { HeldTensor, RankContent } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatPlural, formatShape } from '../../src-core/units.ts';
import { DataGrid, type GridColumn } from '../components/data-grid.tsx';
import { FilterField } from '../components/filter-field.tsx';
import { longestOf, shortName } from '../components/short-name.ts';
import { Shortened } from '../components/tensor-name.tsx';
import type { KeptScroll } from '../components/use-kept-scroll.ts';
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
  /** Whether the shown tensor is at the side. */
  readonly isOpen: boolean;
  readonly onPick: (tensor: HeldTensor) => void;
  readonly scroll: KeptScroll;
}

/** The rank's tensors under their Neuron names, in the order in which they were saved. Arrow keys choose. */
export function TensorList({ content, shown, isOpen, query, onQuery, onPick, scroll }: TensorListProps) {
  const tensors = useMemo(() => {
    const matches = wordMatcher(query);
    return matches ? content.tensors.filter(({ name }) => matches(name)) : content.tensors;
  }, [content, query]);
  const longest = useMemo(() => longestOf(tensors.map(({ name }) => name)), [tensors]);
  const current = tensors.indexOf(shown);
  const pick = (row: number): void => {
    onPick(tensors[row]!);
  };
  return (
    <div className={styles.list}>
      <FilterField className={styles.filter} placeholder="Filter: layers.3 qkv" query={query} onQuery={onQuery} />
      <div className={styles.rows}>
        <DataGrid
          label="Tensors of the rank"
          id="tensor"
          columns={COLUMNS}
          count={tensors.length}
          cells={(row, room) => cellsOf(tensors[row]!, room, longest)}
          current={current < 0 ? null : current}
          isMarked={(row) => isOpen && row === current}
          onCurrent={pick}
          onClick={pick}
          kept={scroll}
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

function cellsOf(tensor: HeldTensor, room: number, longest: string): ReactNode[] {
  const { name, shape, dtype, bytes, byteOffset } = tensor;
  return [
    <Shortened key="name" text={name} short={shortName(name, room, longest)} />,
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
