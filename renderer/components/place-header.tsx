import type { ReactNode } from 'react';
import styles from './place-header.module.css';

interface PlaceHeaderProps {
  readonly title: string;
  /** The answer in a line: what this place has found out. */
  readonly answer: ReactNode;
  readonly actions?: ReactNode;
}

/** The top of a place: its name, the answer, and what to do next. */
export function PlaceHeader({ title, answer, actions }: PlaceHeaderProps) {
  return (
    <header className={styles.header}>
      <div className={styles.text}>
        <h1>{title}</h1>
        <p>{answer}</p>
      </div>
      {actions !== undefined && <div className={styles.actions}>{actions}</div>}
    </header>
  );
}

/** What a place shows while it has nothing: what it is for, and the one action that fills it. */
export function EmptyPlace({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <h1>{title}</h1>
      <p>{children}</p>
      {action}
    </div>
  );
}
