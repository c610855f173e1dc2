import { Skeleton } from '@mantine/core';
import type { CheckpointId, StatisticsWithHistogram } from '../../electron/channels.ts';
import type { TensorTarget } from '../../src-core/app-door.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';
import { ProblemCard } from '../components/problem-card.tsx';
import { useAnswer } from '../use-answer.ts';
import styles from './statistics.module.css';
import { exactValue, shortValue } from './window.ts';

const HEIGHT = 72;

interface StatisticsProps {
  readonly checkpoint: CheckpointId;
  readonly target: TensorTarget;
}

/** What the values of a tensor are like, in figures and as a histogram. */
export function Statistics({ checkpoint, target }: StatisticsProps) {
  const { value, problem } = useAnswer('tensor:statistics', { checkpoint, target });
  if (problem) return <ProblemCard problem={problem} />;
  if (!value) return <Skeleton height={150} />;
  return (
    <section className={styles.statistics} aria-label="Statistics">
      <h3>Statistics</h3>
      <Figures {...value} />
      {value.histogram.length > 0 && <Histogram {...value} />}
    </section>
  );
}

function Figures({ statistics }: StatisticsWithHistogram) {
  const { elements, min, max, mean, std, zeros, nan, posInf, negInf, exact } = statistics;
  const figure = (value: number | null) => (
    <dd className="selectable" title={value === null ? undefined : exactValue(value)}>
      {value === null ? 'none' : shortValue(value)}
    </dd>
  );
  const count = (value: number, isOdd: boolean) => (
    <dd data-odd={(isOdd && value > 0) || undefined}>{formatCount(value)}</dd>
  );
  return (
    <dl className={styles.figures}>
      <div>
        <dt>Min</dt>
        {figure(min)}
      </div>
      <div>
        <dt>Max</dt>
        {figure(max)}
      </div>
      <div>
        <dt>Mean{exact ? ', exact' : ''}</dt>
        {figure(mean)}
      </div>
      <div>
        <dt>Std{exact ? ', exact' : ''}</dt>
        {figure(std)}
      </div>
      <div>
        <dt>Elements</dt>
        {count(elements, false)}
      </div>
      <div>
        <dt>Zeros</dt>
        {count(zeros, false)}
      </div>
      <div>
        <dt>NaN</dt>
        {count(nan, true)}
      </div>
      <div>
        <dt>Inf</dt>
        {count(posInf + negInf, true)}
      </div>
    </dl>
  );
}

function Histogram({ histogram }: StatisticsWithHistogram) {
  const most = Math.max(1, ...histogram.map(({ count }) => count));
  const [first, last] = [histogram[0]!, histogram.at(-1)!];
  return (
    <figure className={styles.histogram}>
      <svg
        viewBox={`0 0 ${histogram.length} ${HEIGHT}`}
        preserveAspectRatio="none"
        height={HEIGHT}
        role="img"
        aria-label={`Histogram of ${formatPlural(histogram.length, 'bar')} from ${shortValue(first.from)} to ${shortValue(last.to)}; the tallest has ${formatPlural(most, 'value')}`}
      >
        {histogram.map(({ from, to, count }, index) => {
          // A bar of few values must not vanish beside one of millions.
          const height = count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT);
          return (
            <g key={index}>
              <rect className={styles.hit} x={index} y={0} width={1} height={HEIGHT}>
                <title>{`${shortValue(from)} to ${shortValue(to)}: ${formatCount(count)}`}</title>
              </rect>
              <rect className={styles.bar} x={index + 0.06} y={HEIGHT - height} width={0.88} height={height} />
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>{shortValue(first.from)}</span>
        <span>tallest bar {formatCount(most)} values</span>
        <span>{shortValue(last.to)}</span>
      </figcaption>
    </figure>
  );
}
