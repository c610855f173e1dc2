import type { DiffRow, DiffValues } from '../../src-core/index.ts';
import { formatCount, formatShape } from '../../src-core/units.ts';
import { MiddleName } from '../components/middle-name.tsx';
import styles from './diff.module.css';
import { figureText, STATUS_WORDS } from './words.ts';

/** One tensor whole: both sides, the figures, where the largest difference is, and how differences are spread. */
export function RowPanel({ row: { name, status, left, right, values } }: { readonly row: DiffRow }) {
  return (
    <section className={styles.panel} aria-label={name}>
      <h2 className="mono">
        <MiddleName text={name} tail={28} />
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
      {status === 'different' && values && <Values values={values} />}
    </section>
  );
}

function Values({ values }: { readonly values: DiffValues }) {
  const { elements, changed, nonFinite, maxAbs, meanAbs, relativeNorm, cosine, largest, histogram } = values;
  const figures: readonly (readonly [string, string])[] = [
    ['Changed', `${formatCount(changed)} of ${formatCount(elements)}`],
    ['Relative norm', figureText(relativeNorm) || 'left is all zero'],
    ['Cosine', figureText(cosine, 9) || 'none'],
    ['Largest |d|', figureText(maxAbs)],
    ['Mean |d|', figureText(meanAbs)],
    ...(nonFinite > 0 ? [['NaN or Inf', formatCount(nonFinite)] as const] : []),
  ];
  return (
    <>
      <dl className={styles.figures}>
        {figures.map(([label, text]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd className="selectable">{text}</dd>
          </div>
        ))}
      </dl>
      {largest && (
        <>
          <h3>Largest difference</h3>
          <p>
            At <span className="mono selectable">[{largest.at.join(', ')}]</span>: {figureText(largest.left, 7)} on the
            left, {figureText(largest.right, 7)} on the right.
          </p>
          {(largest.rank ?? largest.head) !== null && (
            <p>
              {[largest.rank && `TP rank ${largest.rank.tp}, stage ${largest.rank.pp}`, largest.head]
                .filter((text) => text !== null)
                .join(' · ')}
            </p>
          )}
          {largest.file !== null && (
            <p className="quiet">
              <MiddleName text={largest.file} tail={34} className="mono" />
            </p>
          )}
        </>
      )}
      {histogram.length > 0 && <Histogram bars={histogram} />}
    </>
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
        aria-label={`${bars.length} bars from ${figureText(first.from)} to ${figureText(last.to)}; the tallest has ${formatCount(most)} elements`}
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
