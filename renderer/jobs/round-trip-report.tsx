import type { RoundTrip } from '../../src-core/index.ts';
import { formatPlural } from '../../src-core/units.ts';
import { differenceText } from '../components/difference-text.ts';
import { TensorName } from '../components/tensor-name.tsx';
import styles from './jobs.module.css';

/** Differences that are listed: the first say where to look. */
const LISTED = 20;

/** Where the result, sharded again, is not what a rank has stored. */
export function RoundTripReport({ different }: Pick<RoundTrip, 'different'>) {
  return (
    <>
      <h3>Where the round trip differs</h3>
      <ul className={styles.report}>
        {different.slice(0, LISTED).map(({ tensor, elements, maxAbs }) => (
          <li key={`${tensor.file} ${tensor.name}`}>
            <TensorName name={tensor.name} />
            <span>
              TP {tensor.rank?.tp ?? 0}, PP {tensor.rank?.pp ?? 0}: {formatPlural(elements, 'element')},{' '}
              {differenceText(maxAbs)}
            </span>
          </li>
        ))}
      </ul>
      {different.length > LISTED && <p className="quiet">and {different.length - LISTED} more</p>}
    </>
  );
}
