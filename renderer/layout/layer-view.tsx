import { Select, Skeleton, UnstyledButton } from '@mantine/core';
import clsx from 'clsx';
import { useMemo, useRef } from 'react';
import type { ParameterRow } from '../../src-core/index.ts';
import { ProblemCard } from '../components/problem-card.tsx';
import { Diagram } from '../parameters/diagram.tsx';
import { TagMark } from '../parameters/tag-mark.tsx';
import { useAnswer } from '../use-answer.ts';
import { useKeptScroll, type KeptScroll } from '../components/use-kept-scroll.ts';
import { layerOf, nameInLayer } from '../components/layer-of.ts';
import styles from './layout.module.css';

interface LayerViewProps {
  readonly checkpoint: number;
  /** One of the layer's parameters. */
  readonly row: ParameterRow;
  readonly rows: readonly ParameterRow[];
  /** A parameter of another layer. */
  readonly onLayer: (row: ParameterRow) => void;
  readonly onPick: (row: ParameterRow) => void;
  readonly scroll: KeptScroll;
}

/** All parameters of a layer as small pictures on one page. */
export function LayerView({ checkpoint, row, rows, onLayer, onPick, scroll }: LayerViewProps) {
  const layer = layerOf(row.name);
  const box = useRef<HTMLDivElement>(null);
  useKeptScroll(box, scroll, true);
  const first = useMemo(() => {
    const found = new Map<string, ParameterRow>();
    for (const candidate of rows) {
      const key = String(layerOf(candidate.name) ?? 'outside');
      if (candidate.part === row.part && !found.has(key)) found.set(key, candidate);
    }
    return found;
  }, [rows, row.part]);
  const ofLayer = rows.filter(({ part, name }) => part === row.part && layerOf(name) === layer);
  return (
    <div className={styles.layer} ref={box}>
      <Select
        className={styles.layerField}
        aria-label="Layer"
        searchable
        allowDeselect={false}
        data={[...first.keys()].map((key) => ({
          value: key,
          label: key === 'outside' ? 'Outside layers' : `Layer ${key}`,
        }))}
        value={String(layer ?? 'outside')}
        onChange={(key) => {
          const found = key === null ? undefined : first.get(key);
          if (found) onLayer(found);
        }}
      />
      <ul className={styles.multiples}>
        {ofLayer.map((one) => (
          <li key={one.name}>
            <UnstyledButton className={styles.multiple} onClick={() => onPick(one)}>
              <span className={clsx(styles.multipleName, 'mono')}>{nameInLayer(one.name)}</span>
              <TagMark row={one} />
            </UnstyledButton>
            <Small checkpoint={checkpoint} row={one} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Small({ checkpoint, row: { part, name } }: { readonly checkpoint: number; readonly row: ParameterRow }) {
  const { value: detail, problem } = useAnswer('checkpoint:parameter', { checkpoint, part, name });
  if (problem) return <ProblemCard problem={problem} />;
  return detail ? <Diagram detail={detail} height={120} /> : <Skeleton height={160} />;
}
