import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Finding, Severity } from '../../src-core/index.ts';
import { formatPlural } from '../../src-core/units.ts';
import { reveal } from '../actions.ts';
import { ProblemCard } from '../components/problem-card.tsx';
import { showParameters } from '../stores/session.ts';
import styles from './overview.module.css';

/** Findings that are shown before the rest is asked for. */
const FEW = 5;

const ORDER: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

/** What was found, worst first, each with the way to what it concerns. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const sorted = [...findings].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
  const shown = showsAll ? sorted : sorted.slice(0, FEW);
  return (
    <section className={styles.section} id="findings" aria-label="Findings">
      <h2>{formatPlural(findings.length, 'finding')}</h2>
      <div className={styles.findings}>
        {shown.map((finding, index) => (
          <ProblemCard
            // Findings have no name of their own, and their order does not change.
            key={index}
            problem={finding}
            severity={finding.severity}
            actions={<Ways finding={finding} />}
          />
        ))}
        {shown.length < sorted.length && (
          <Button
            variant="default"
            onClick={() => {
              setShowsAll(true);
            }}
          >
            Show {formatPlural(sorted.length - shown.length, 'more finding', 'more findings')}
          </Button>
        )}
      </div>
    </section>
  );
}

function Ways({ finding: { file, tensor, severity } }: { readonly finding: Finding }) {
  return (
    <>
      {file !== undefined && (
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => {
            reveal(file);
          }}
        >
          Show in the file manager
        </Button>
      )}
      {tensor !== undefined && severity !== 'error' && (
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => {
            showParameters(tensor);
          }}
        >
          Show the parameter
        </Button>
      )}
    </>
  );
}
