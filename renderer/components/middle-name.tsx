import clsx from 'clsx';
import styles from './middle-name.module.css';

interface MiddleNameProps {
  readonly text: string;
  /** Characters of the end that are always shown: the end tells names apart. */
  readonly tail?: number;
  readonly className?: string | undefined;
}

/** A path or a folder's name that is shortened in the middle where it does not fit; whole on hover, copied, and for screen readers. */
export function MiddleName({ text, tail = 24, className }: MiddleNameProps) {
  const cut = Math.max(0, text.length - tail);
  // Parts of a text are not read out, and not copied: beside them it is there whole.
  const isCut = cut > 0;
  return (
    <span className={clsx(styles.name, className)} title={text}>
      {isCut && <span className={styles.whole}>{text}</span>}
      {isCut && (
        <span className={styles.head} aria-hidden>
          {text.slice(0, cut)}
        </span>
      )}
      <span className={styles.tail} aria-hidden={isCut}>
        <bdi dir="ltr">{text.slice(cut)}</bdi>
      </span>
    </span>
  );
}
