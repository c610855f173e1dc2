import { Button } from '@mantine/core';
import { IconAlertOctagon, IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { JobId } from '../../electron/channels.ts';
import type { ErrorTag, Problem, Severity } from '../../src-core/index.ts';
import { copyText } from '../actions.ts';
import { openDiagnostics } from '../stores/diagnostics.ts';
import { MiddleName } from './middle-name.tsx';
import styles from './problem-card.module.css';

interface ProblemCardProps {
  readonly problem: Problem;
  /** Of a finding; absent: something could not be done. */
  readonly severity?: Severity;
  /** The job that it stopped. */
  readonly job?: JobId;
  /** False where exporting diagnostics is what failed. */
  readonly canExport?: boolean;
  /** Buttons that lead on. */
  readonly actions?: ReactNode;
}

const ICONS = { error: IconAlertOctagon, warning: IconAlertTriangle, note: IconInfoCircle };
const NAMES = { error: 'Error', warning: 'Warning', note: 'Note' };

/** What a user has in hand: nobody needs a report of it. */
const IN_HAND: ReadonlySet<ErrorTag> = new Set(['usage', 'cancelled', 'output-exists', 'output-busy', 'no-space']);

/** A problem whole: what happened, in which file and tensor, found and expected, what to do. */
export function ProblemCard({ problem, severity: given, job, canExport = true, actions }: ProblemCardProps) {
  const severity = given ?? 'error';
  const Icon = ICONS[severity];
  const offersExport =
    canExport && given === undefined && !IN_HAND.has(problem.tag) && problem.checkpoints === undefined;
  return (
    <article className={styles.card} data-severity={severity} role={severity === 'error' ? 'alert' : undefined}>
      <Icon className={styles.icon} size={18} aria-label={NAMES[severity]} />
      <div className={styles.body}>
        <p className={styles.what}>{problem.what}</p>
        <dl className={styles.fields}>
          <Field label={problem.isFolder ? 'Folder' : 'File'} value={problem.file} mono />
          <Field label="Tensor" value={problem.tensor} mono />
          <Field label="Found" value={problem.found} />
          <Field label="Expected" value={problem.expected} />
        </dl>
        {problem.advice !== undefined && <p className={styles.advice}>{problem.advice}</p>}
        <div className={styles.actions}>
          {actions}
          <ProblemButtons problem={problem} job={job} offersExport={offersExport} />
        </div>
      </div>
    </article>
  );
}

interface ProblemButtonsProps {
  readonly problem: Problem;
  readonly job?: JobId | undefined;
  readonly offersExport?: boolean;
}

/** What can be done with a problem, whatever it is: take it along as text, or with all that a report needs. */
export function ProblemButtons({ problem, job, offersExport = true }: ProblemButtonsProps) {
  const button = { size: 'compact-xs', variant: 'subtle', color: 'gray' } as const;
  return (
    <>
      <Button
        {...button}
        onClick={() => {
          copyText(problemText(problem));
        }}
      >
        Copy details
      </Button>
      {offersExport && (
        <Button
          {...button}
          onClick={() => {
            openDiagnostics({ problem, job: job ?? null });
          }}
        >
          Export diagnostics…
        </Button>
      )}
    </>
  );
}

function Field({ label, value, mono = false }: { label: string; value: string | undefined; mono?: boolean }) {
  if (value === undefined) return null;
  return (
    <>
      <dt>{label}</dt>
      <dd className="selectable">{mono ? <MiddleName text={value} tail={44} className="mono" /> : value}</dd>
    </>
  );
}

/** A problem as text for a report: the same lines as the command line prints. */
function problemText({ what, file, isFolder, tensor, found, expected, advice }: Problem): string {
  const fields = { [isFolder ? 'folder' : 'file']: file, tensor, found, expected, 'to do': advice };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`  ${name}: ${value}`]));
  return [what, ...lines].join('\n');
}
