import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { useState } from 'react';
import type { ConsolidationResult, Job } from '../../electron/channels.ts';
import type { Problem } from '../../src-core/index.ts';
import { formatBytes, formatDuration, formatPlural } from '../../src-core/units.ts';
import { startDiff } from '../actions.ts';
import { ask } from '../bridge.ts';
import { FileList } from '../components/file-list.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { checksOf } from './checks.ts';
import { RoundTripReport } from './round-trip-report.tsx';
import { Digests } from './digests.tsx';
import styles from './jobs.module.css';
import { KeptLine } from './kept-line.tsx';

/** What a job made, how it was proved, and what to do next. */
export function Result({ job, result }: { readonly job: Job; readonly result: ConsolidationResult }) {
  const { tensors, bytes, seconds, kept, files, findings, roundTrip, roundTripProblem } = result;
  const [showsDigests, setShowsDigests] = useState(false);
  const rate = seconds > 0 ? ` at ${formatBytes(bytes / seconds)}/s` : '';
  return (
    <>
      <p className={styles.made}>
        {formatPlural(tensors, 'tensor')}, {formatBytes(bytes)} in {formatDuration(seconds)}
        {rate}
      </p>
      <KeptLine kept={kept} />
      <ul className={styles.checks} aria-label="How it was checked">
        {checksOf(result).map(({ good, text }) => (
          <li key={text} data-good={good}>
            {good ? (
              <IconCheck size={16} stroke={2.2} aria-label="Proved" />
            ) : (
              <IconAlertTriangle size={16} aria-label="Look at this" />
            )}
            {text}
          </li>
        ))}
      </ul>
      {findings.map((finding, index) => (
        <ProblemCard key={index} problem={finding} severity={finding.severity} />
      ))}
      {roundTripProblem && <ProblemCard problem={notProved(roundTripProblem)} severity="warning" />}
      {roundTrip && roundTrip.different.length > 0 && <RoundTripReport different={roundTrip.different} />}
      <h3>{formatPlural(files.length, 'weights file')}</h3>
      <FileList files={files} />
      <h3>Next</h3>
      <p>
        {files.some(({ path }) => path.endsWith('adapter_model.safetensors') || path.endsWith('adapter_model.bin'))
          ? 'Load an adapter with PeftModel.from_pretrained(base, FOLDER).'
          : 'Load the folder with AutoModelForCausalLM.from_pretrained.'}{' '}
        <code>shardloom.json</code> in it records the sources, the checks and the digests.
      </p>
      {job.work.kind === 'consolidate' && <CompareWithOriginal out={job.work.out} />}
      {showsDigests ? (
        <Digests job={job.id} />
      ) : (
        <Button
          className={styles.showDigests}
          variant="default"
          onClick={() => {
            setShowsDigests(true);
          }}
        >
          Show the digests of all tensors
        </Button>
      )}
    </>
  );
}

/** Asks for the original model and compares the result with it. */
function CompareWithOriginal({ out }: { readonly out: string }) {
  return (
    <Button
      className={styles.showDigests}
      variant="default"
      onClick={() => {
        void ask('folder:choose', 'weights').then((left) =>
          left === null ? undefined : startDiff({ left, right: out }),
        );
      }}
    >
      Compare with the original model…
    </Button>
  );
}

/** The result stands, but the proof that was asked for could not be made. */
function notProved(problem: Problem): Problem {
  return { ...problem, what: `The weights were written, but the round trip was not proved: ${problem.what}` };
}
