import { Skeleton } from '@mantine/core';
import { MiddleName } from '../components/middle-name.tsx';
import styles from './frame.module.css';

/** What stands there for the moment in which a folder is read: where the figures will be. */
export function Opening({ folder }: { readonly folder: string }) {
  return (
    <div className={styles.opening} aria-busy="true">
      <p role="status">
        Opening <MiddleName text={folder} tail={40} className="mono" />
      </p>
      <div className={styles.openingFigures}>
        {Array.from({ length: 6 }, (_, index) => (
          <Skeleton key={index} height={44} />
        ))}
      </div>
      <Skeleton height={180} />
    </div>
  );
}
