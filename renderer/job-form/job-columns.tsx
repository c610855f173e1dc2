import type { ReactNode } from 'react';
import styles from './job-form.module.css';
import { Preview } from './preview.tsx';
import type { JobForm } from './use-job-form.ts';

interface JobColumnsProps {
  readonly job: JobForm;
  /** What is checked while it is written. */
  readonly checks: readonly string[];
  /** What to do first, where there is nothing to show of what would be written. */
  readonly hint: string | null;
  /** The form's fields. */
  readonly children: ReactNode;
}

/** The form on the left, what it would write on the right. */
export function JobColumns({ job, checks, hint, children }: JobColumnsProps) {
  return (
    <div className={styles.columns}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          job.start();
        }}
      >
        {children}
      </form>
      {hint === null ? (
        <Preview preview={job.preview} checks={checks} failure={job.failure} />
      ) : (
        <p className="quiet">{hint}</p>
      )}
    </div>
  );
}
