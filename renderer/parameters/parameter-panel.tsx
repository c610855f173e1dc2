import { ActionIcon, Button, Skeleton } from '@mantine/core';
import { IconCopy, IconLayoutGrid, IconX } from '@tabler/icons-react';
import type { ParameterDetail, ParameterRow } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatPlural, formatShape } from '../../src-core/units.ts';
import { copyText } from '../actions.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { TensorName, WholeName } from '../components/tensor-name.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { showLayout } from '../stores/session.ts';
import { useAnswer } from '../use-answer.ts';
import { Diagram } from './diagram.tsx';
import styles from './panel.module.css';
import { TagMark } from './tag-mark.tsx';

interface ParameterPanelProps {
  readonly checkpoint: number;
  readonly row: ParameterRow;
  readonly onClose: () => void;
}

/** One parameter whole: what is done to it in words and as a diagram, and every rank's tensor that it comes from. */
export function ParameterPanel({ checkpoint, row, onClose }: ParameterPanelProps) {
  const { part, name } = row;
  const { value: detail, problem } = useAnswer('checkpoint:parameter', { checkpoint, part, name });
  return (
    <aside className={styles.panel} aria-label={`Parameter ${row.name}`}>
      <header className={styles.header}>
        <h2 className="selectable mono">
          <WholeName name={row.name} />
        </h2>
        <ActionIcon size="sm" aria-label="Copy the name" title="Copy the name" onClick={() => copyText(row.name)}>
          <IconCopy size={14} />
        </ActionIcon>
        <ActionIcon size="sm" aria-label="Close" title="Close (Esc)" onClick={onClose}>
          <IconX size={16} />
        </ActionIcon>
      </header>
      <div className={styles.facts}>
        <TagMark row={row} /> {formatShape(row.shape)} · {row.dtype} · {formatBytes(row.bytes)}
        <Button
          className={styles.toLayout}
          size="compact-xs"
          variant="default"
          leftSection={<IconLayoutGrid size={14} stroke={1.6} />}
          onClick={() => {
            showLayout({ part, name });
          }}
        >
          Layout
        </Button>
      </div>
      {problem && <ProblemCard problem={problem} />}
      {detail ? <Detail detail={detail} /> : !problem && <Skeleton height={200} />}
    </aside>
  );
}

function Detail({ detail }: { readonly detail: ParameterDetail }) {
  const { words, sources, copies, spec } = detail;
  return (
    <>
      <div className={styles.words}>
        {words.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </div>
      <Diagram detail={detail} />
      <h3>Comes from {formatPlural(sources.length, 'stored tensor')}</h3>
      <ul className={styles.sources}>
        {sources.map(({ rank, name, shape, file, byteOffset }, index) => (
          <li key={`${file} ${byteOffset} ${index}`}>
            <span className={styles.rank}>TP {rank?.tp ?? 0}</span>
            <span className={styles.source}>
              <TensorName name={name} />
              <span className={styles.place}>
                {formatShape(shape)} · at {formatCount(byteOffset)} in{' '}
                <MiddleName text={file} tail={38} className="mono" />
              </span>
            </span>
          </li>
        ))}
      </ul>
      {copies.length > 0 && (
        <>
          <h3>{formatPlural(copies.length, 'other copy', 'other copies')}</h3>
          <ul className={styles.sources}>
            {copies.map(({ label, files }) => (
              <li key={label}>
                <span className={styles.copyLabel}>{label}</span>
                <MiddleName text={files[0] ?? ''} tail={38} className="mono" />
                {files.length > 1 && <span className="quiet"> and {formatPlural(files.length - 1, 'more file')}</span>}
              </li>
            ))}
          </ul>
        </>
      )}
      {spec && <Spec spec={spec} />}
    </>
  );
}

function Spec({ spec: { name, module, fields } }: { readonly spec: NonNullable<ParameterDetail['spec']> }) {
  return (
    <>
      <h3>Transformation spec</h3>
      <p className={styles.specName}>
        <span className="mono">{name}</span> of <TensorName name={module} />
      </p>
      <dl className={styles.fields}>
        {Object.entries(fields).map(([field, value]) => (
          <div key={field}>
            <dt className="mono">{field}</dt>
            <dd className="mono selectable">{JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
