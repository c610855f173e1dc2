import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, type KeyboardEvent } from 'react';
import type { HeldTensor, RankContent } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatPlural, formatShape } from '../../src-core/units.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { moveInLines } from '../parameters/line-keys.ts';
import styles from './shards.module.css';

const ROW_HEIGHT = 28;

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
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return content.tensors.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  }, [content, query]);
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: tensors.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    scrollPaddingStart: ROW_HEIGHT,
  });
  const current = tensors.indexOf(shown);
  useEffect(() => {
    if (current >= 0) virtual.scrollToIndex(current);
  }, [current, virtual]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? 280) / ROW_HEIGHT) - 2);
    const next = moveInLines(event.key, current, tensors.length, page);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    onPick(tensors[next]!);
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
      <div
        ref={scroll}
        className={styles.rows}
        role="grid"
        aria-label="Tensors of the rank"
        aria-rowcount={tensors.length + 1}
        aria-activedescendant={`tensor-${current}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div className={styles.rowHead} role="row">
          {['Neuron parameter', 'Shape', 'Dtype', 'Size', 'Offset'].map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
        <div role="rowgroup" className={styles.rowBody} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => (
            <Line
              key={index}
              tensor={tensors[index]!}
              index={index}
              top={start}
              isShown={index === current}
              onPick={onPick}
            />
          ))}
        </div>
      </div>
      <footer className={styles.foot}>
        {tensors.length === content.tensors.length
          ? formatPlural(tensors.length, 'tensor')
          : `${formatCount(tensors.length)} of ${formatPlural(content.tensors.length, 'tensor')}`}
      </footer>
    </div>
  );
}

interface LineProps {
  readonly tensor: HeldTensor;
  readonly index: number;
  readonly top: number;
  readonly isShown: boolean;
  readonly onPick: (tensor: HeldTensor) => void;
}

function Line({ tensor, index, top, isShown, onPick }: LineProps) {
  const { name, shape, dtype, bytes, byteOffset } = tensor;
  return (
    <div
      id={`tensor-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isShown}
      className={styles.row}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => {
        onPick(tensor);
      }}
    >
      <span role="gridcell">
        <MiddleName text={name} tail={26} className="mono" />
      </span>
      <span role="gridcell" className="mono">
        {formatShape(shape)}
      </span>
      <span role="gridcell" className="mono">
        {dtype}
      </span>
      <span role="gridcell">{formatBytes(bytes)}</span>
      <span role="gridcell">{formatCount(byteOffset)}</span>
    </div>
  );
}
