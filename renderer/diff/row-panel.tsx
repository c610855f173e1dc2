import { Button } from '@mantine/core';
import { useState } from 'react';
import type { JobId } from '../../electron/channels.ts';
import type { DiffPlace, DiffRow, DiffValues } from '../../src-core/index.ts';
import { placeAt } from '../../src-core/inspect/drawing/placement.ts';
import { formatCount, formatPlural, formatShape } from '../../src-core/units.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { WholeName } from '../components/tensor-name.tsx';
import { useEscape } from '../escape.ts';
import { useAnswer } from '../use-answer.ts';
import { HeatmapView } from '../values/heatmap-view.tsx';
import { placeText, type Pointed } from '../values/pointed.ts';
import { cellOf, indexOf } from '../values/window.ts';
import styles from './diff.module.css';
import { figureText, STATUS_WORDS } from './words.ts';

interface RowPanelProps {
  readonly job: JobId;
  readonly row: DiffRow;
}

/** One tensor whole: both sides, the figures, where it differs, and how differences are spread. */
export function RowPanel({ job, row: { name, status, left, right, values } }: RowPanelProps) {
  return (
    <section className={styles.panel} aria-label={name}>
      <h2 className="mono selectable">
        <WholeName name={name} />
      </h2>
      <p data-status={status} className={styles.status}>
        {STATUS_WORDS[status]}
      </p>
      <dl className={styles.figures}>
        {(['Left', 'Right'] as const).map((label, index) => {
          const side = [left, right][index];
          return (
            <div key={label}>
              <dt>{label}</dt>
              <dd className="mono selectable">{side ? `${side.dtype} ${formatShape(side.shape)}` : 'not there'}</dd>
            </div>
          );
        })}
      </dl>
      {status === 'different' && values && left && (
        <>
          <Figures values={values} />
          <Where job={job} name={name} shape={left.shape} values={values} />
          {values.histogram.length > 0 && <Histogram bars={values.histogram} />}
        </>
      )}
    </section>
  );
}

interface WhereProps {
  readonly job: JobId;
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: DiffValues;
}

/** The picture of the differences, and one element: the largest, or the one that was clicked. */
function Where({ job, name, shape, values: { largest } }: WhereProps) {
  const placement = useAnswer('diff:placement', { job, name }).value;
  const [chosen, setChosen] = useState<DiffPlace | null>(null);
  const shown = chosen ?? largest;
  useEscape(chosen && (() => setChosen(null)));
  const { leading } = cellOf(largest?.at ?? shape.map(() => 0));
  const pick = ({ row, column, sides }: Pointed): void => {
    if (!sides || !placement) return;
    const at = indexOf({ leading, row, column }, shape.length);
    setChosen({ at, ...sides, ...placeAt(placement, at) });
  };
  return (
    <>
      <HeatmapView
        title="Right minus left"
        source={{ channel: 'diff:heatmap', of: { job, name } }}
        shape={shape}
        leading={leading}
        marks={placement}
        onPick={pick}
      />
      {shown && <Element title={chosen ? 'Chosen element' : 'Largest difference'} place={shown} />}
      {chosen && (
        <Button variant="default" size="compact-sm" className={styles.back} onClick={() => setChosen(null)}>
          Show the largest difference
        </Button>
      )}
    </>
  );
}

function Element({ title, place }: { readonly title: string; readonly place: DiffPlace }) {
  const { at, left, right, file } = place;
  const words = placeText(place);
  return (
    <section className={styles.element} aria-label={title}>
      <h3>{title}</h3>
      <p>
        At <span className="mono selectable">[{at.join(', ')}]</span>: {figureText(left, 7)} on the left,{' '}
        {figureText(right, 7)} on the right.
      </p>
      {words !== '' && <p>{words}</p>}
      {file !== null && (
        <p className="quiet">
          <MiddleName text={file} tail={34} className="mono" />
        </p>
      )}
    </section>
  );
}

function Figures({ values }: { readonly values: DiffValues }) {
  const { elements, changed, nonFinite, maxAbs, meanAbs, relativeNorm, cosine } = values;
  const figures: readonly (readonly [string, string])[] = [
    ['Changed', `${formatCount(changed)} of ${formatCount(elements)}`],
    ['Relative norm', figureText(relativeNorm) || 'left is all zero'],
    ['Cosine', figureText(cosine, 9) || 'none'],
    ['Largest |d|', figureText(maxAbs)],
    ['Mean |d|', figureText(meanAbs)],
    ...(nonFinite > 0 ? [['NaN or Inf', formatCount(nonFinite)] as const] : []),
  ];
  return (
    <dl className={styles.figures}>
      {figures.map(([label, text]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd className="selectable">{text}</dd>
        </div>
      ))}
    </dl>
  );
}

const HEIGHT = 80;

function Histogram({ bars }: { readonly bars: DiffValues['histogram'] }) {
  const most = Math.max(...bars.map(({ count }) => count));
  const [first, last] = [bars[0]!, bars.at(-1)!];
  return (
    <figure className={styles.histogram}>
      <figcaption>Differences by size, each bar twice the one before</figcaption>
      <svg
        viewBox={`0 0 ${bars.length} ${HEIGHT}`}
        preserveAspectRatio="none"
        height={HEIGHT}
        role="img"
        aria-label={`${formatPlural(bars.length, 'bar')} from ${figureText(first.from)} to ${figureText(last.to)}; the tallest has ${formatPlural(most, 'element')}`}
      >
        {bars.map(({ from, to, count }, index) => {
          const height = count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT);
          return (
            <rect key={from} x={index + 0.06} y={HEIGHT - height} width={0.88} height={height}>
              <title>{`${figureText(from)} to ${figureText(to)}: ${formatCount(count)}`}</title>
            </rect>
          );
        })}
      </svg>
      <div className={styles.axis}>
        <span>{figureText(first.from)}</span>
        <span>{figureText(last.to)}</span>
      </div>
    </figure>
  );
}
