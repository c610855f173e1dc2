import clsx from 'clsx';
import styles from './middle-name.module.css';

interface MiddleNameProps {
  readonly text: string;
  /** Characters of the end that are always shown: the end tells names apart. */
  readonly tail?: number;
  readonly className?: string | undefined;
}

/** A name or path that is shortened in the middle where it does not fit, whole on hover. */
export function MiddleName({ text, tail = 24, className }: MiddleNameProps) {
  const cut = Math.max(0, text.length - tail);
  return (
    <span className={clsx(styles.name, className)} title={text}>
      <span className={styles.head}>{text.slice(0, cut)}</span>
      <span className={styles.tail}>{text.slice(cut)}</span>
    </span>
  );
}
