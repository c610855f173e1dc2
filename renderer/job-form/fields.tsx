import { Button } from '@mantine/core';
import { useId, type ReactNode } from 'react';
import { MiddleName } from '../components/middle-name.tsx';
import styles from './job-form.module.css';

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly children: ReactNode;
}

/** A choice with its name above and what it means below. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div className={styles.field} role="group" aria-labelledby={id}>
      <span className={styles.label} id={id}>
        {label}
      </span>
      {children}
      {hint !== undefined && <span className={styles.hint}>{hint}</span>}
    </div>
  );
}

interface FolderFieldProps {
  readonly label: string;
  readonly hint?: string;
  /** The chosen folder, or what stands there instead of one. */
  readonly folder: string;
  /** Opens the system's dialog. */
  readonly choose: () => Promise<void>;
}

/** A folder and the button that chooses another one. */
export function FolderField({ label, hint, folder, choose }: FolderFieldProps) {
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      <div className={styles.folder}>
        <MiddleName text={folder} tail={32} className="mono" />
        <Button variant="default" aria-label={`Choose ${label.toLowerCase()}…`} onClick={() => void choose()}>
          Choose…
        </Button>
      </div>
    </Field>
  );
}
