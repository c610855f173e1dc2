import { Button } from '@mantine/core';
import { IconBrandPython } from '@tabler/icons-react';
import type { CheckpointId } from '../../electron/channels.ts';
import type { TensorTarget } from '../../src-core/app-door.ts';
import { formatCount } from '../../src-core/units.ts';
import { copyText } from '../actions.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { TensorName } from '../components/tensor-name.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { showLayout, showShard } from '../stores/session.ts';
import { useAnswer } from '../use-answer.ts';
import styles from './values.module.css';
import { exactValue, indexOf, type Cell } from './window.ts';

interface ElementProps {
  readonly checkpoint: CheckpointId;
  readonly target: TensorTarget;
  readonly shape: readonly number[];
  readonly cell: Cell;
}

/** One element: its exact value, and where it is on disk and in the original model. */
export function Element(props: ElementProps) {
  const { checkpoint, target, shape, cell } = props;
  const { leading, row, column } = cell;
  const slice = { leading, row, column, rows: 1, columns: 1 };
  const { value } = useAnswer('tensor:values', { checkpoint, target, slice });
  const index = indexOf(cell, shape.length);
  return (
    <section className={styles.element} aria-label="Element">
      <h3>
        [{index.map((at) => formatCount(at)).join(', ')}] ={' '}
        <span className="mono selectable">{value ? exactValue(value.values[0]!) : '…'}</span>
      </h3>
      {target.rank === null ? (
        <OnDisk checkpoint={checkpoint} target={target} index={index} />
      ) : (
        <InTheModel checkpoint={checkpoint} target={target} index={index} />
      )}
    </section>
  );
}

interface IndexedProps {
  readonly checkpoint: CheckpointId;
  readonly target: TensorTarget;
  readonly index: readonly number[];
}

/** From the original model to the files: every copy with its rank, file and byte offset. */
function OnDisk({ checkpoint, target: { part, name }, index }: IndexedProps) {
  const { value, problem } = useAnswer('checkpoint:lineage', { checkpoint, part, name, index });
  if (problem) return <ProblemCard problem={problem} />;
  return (
    <ul className={styles.places}>
      {(value?.pieces ?? []).map(({ copy, label, tensor, from, runs, python }) => (
        <li key={`${copy} ${tensor.file} ${runs[0]?.offset ?? 0}`}>
          <span className={styles.placeHead}>
            <span>
              {copy === 0 ? 'Taken' : `Copy: ${label}`}
              {tensor.rank && ` · TP ${tensor.rank.tp}, PP ${tensor.rank.pp}`}
            </span>
            <Button
              size="compact-xs"
              variant="subtle"
              leftSection={<IconBrandPython size={14} stroke={1.6} />}
              onClick={() => copyText(python)}
            >
              Copy as Python
            </Button>
          </span>
          <button
            type="button"
            className={styles.link}
            disabled={!tensor.rank}
            onClick={() => {
              if (tensor.rank) showShard({ part, rank: tensor.rank, tensor: tensor.name });
            }}
          >
            <TensorName name={tensor.name} index={from} />
          </button>
          <span className={styles.placeFile}>
            byte {formatCount(runs[0]?.offset ?? 0)} of <MiddleName text={tensor.file} tail={36} className="mono" />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** From a file to the original model: what the element becomes. */
function InTheModel({ checkpoint, target, index }: IndexedProps) {
  const { value, problem } = useAnswer('tensor:descendants', { checkpoint, target, index });
  if (problem) return <ProblemCard problem={problem} />;
  if (!value) return null;
  return (
    <>
      <p className={styles.placeFile}>
        {value.bytes === 1 ? 'byte' : `${value.bytes} bytes from`} {formatCount(value.offset)} of{' '}
        <MiddleName text={value.file} tail={36} className="mono" />
      </p>
      {value.becomes.length === 0 && (
        <p className="quiet">It becomes nothing: it is padding, or belongs to no parameter.</p>
      )}
      <ul className={styles.places}>
        {value.becomes.map(({ part, name, at, copy, label }) => (
          <li key={`${name} ${at.join()} ${copy}`}>
            <span className={styles.placeHead}>{copy === 0 ? 'Becomes' : `A copy (${label}) of`}</span>
            <button type="button" className={styles.link} onClick={() => showLayout({ part, name })}>
              <TensorName name={name} index={at} />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
