import type { ShardedResult } from '../../electron/channels.ts';
import { formatBytes, formatDuration, formatPlural } from '../../src-core/units.ts';
import { FileList } from '../components/file-list.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import styles from './jobs.module.css';

/** The sharded checkpoint that a job has written, and what to do next. */
export function ShardedOutcome({ result }: { readonly result: ShardedResult }) {
  const { tensors, bytes, seconds, files, findings } = result;
  const rate = seconds > 0 ? ` at ${formatBytes(bytes / seconds)}/s` : '';
  return (
    <>
      <p className={styles.made}>
        {formatPlural(tensors, 'tensor')}, {formatBytes(bytes)} in {formatDuration(seconds)}
        {rate}
      </p>
      {findings.map((finding, index) => (
        <ProblemCard key={index} problem={finding} severity={finding.severity} />
      ))}
      <h3>{formatPlural(files.length, 'file')}</h3>
      <FileList files={files} />
      <h3>Next</h3>
      <p>Open the folder to look at its layout, or hand it to the training run.</p>
    </>
  );
}
