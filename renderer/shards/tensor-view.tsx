import { useState } from 'react';
import type { HeldTensor, PartName, Rank } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatShape } from '../../src-core/units.ts';
import { reveal } from '../actions.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { WholeName } from '../components/tensor-name.tsx';
import { Element } from '../values/element-lineage.tsx';
import { HeatmapView } from '../values/heatmap-view.tsx';
import { Statistics } from '../values/statistics.tsx';
import { ValueGrid } from '../values/value-grid.tsx';
import { cellOf } from '../values/window.ts';
import styles from './shards.module.css';

interface TensorViewProps {
  readonly checkpoint: number;
  readonly part: PartName;
  readonly rank: Rank;
  readonly tensor: HeldTensor;
}

/** One stored tensor: how it lies in its file, and what is in it, from the whole to single elements. */
export function TensorView({ checkpoint, part, rank, tensor }: TensorViewProps) {
  const { name, shape, dtype, bytes, file, byteOffset, strides, contiguous, sharesWith } = tensor;
  const target = { part, name, rank };
  const [cell, setCell] = useState(cellOf(shape.map(() => 0)));
  const isEmpty = shape.includes(0);
  return (
    <aside className={styles.view} aria-label={`Tensor ${name}`}>
      <h2 className="selectable mono">
        <WholeName name={name} />
      </h2>
      <dl className={styles.facts}>
        <dt>Shape</dt>
        <dd className="mono">
          {formatShape(shape)} · {dtype} · {formatBytes(bytes)}
        </dd>
        <dt>Strides</dt>
        <dd>
          <span className="mono">{strides.length === 0 ? 'none' : strides.join(', ')}</span>
          {contiguous ? ', contiguous' : ', not contiguous'}
        </dd>
        <dt>Storage</dt>
        <dd>{sharesWith.length === 0 ? 'of its own' : `shared with ${sharesWith.join(', ')}`}</dd>
        <dt>File</dt>
        <dd>
          <button
            type="button"
            className={styles.file}
            title="Show it in the file manager"
            onClick={() => {
              reveal(file);
            }}
          >
            <MiddleName text={file} tail={38} className="mono" />
          </button>
          <span className="quiet">from byte {formatCount(byteOffset)}</span>
        </dd>
      </dl>
      {isEmpty ? (
        <p className="quiet">It has no elements.</p>
      ) : (
        <>
          <HeatmapView
            title="Heatmap"
            source={{ channel: 'tensor:heatmap', of: { checkpoint, target } }}
            shape={shape}
            leading={cell.leading}
            onPick={({ row, column }) => setCell({ leading: cell.leading, row, column })}
          />
          <Statistics checkpoint={checkpoint} target={target} />
          <h3>Values</h3>
          <ValueGrid checkpoint={checkpoint} target={target} shape={shape} rows={8} cell={cell} onCell={setCell} />
          <Element checkpoint={checkpoint} target={target} shape={shape} cell={cell} />
        </>
      )}
    </aside>
  );
}
