import type { WrittenResult } from '../../electron/channels.ts';
import { formatBytes, formatDuration, formatPlural } from '../../src-core/units.ts';
import { FileList } from '../components/file-list.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import styles from './jobs.module.css';
import { KeptLine } from './kept-line.tsx';

/** The files that sharding or merging has written, and what to do next. */
export function WrittenOutcome({ result }: { readonly result: WrittenResult }) {
  const { kind, merged, tensors, bytes, seconds, kept, files, findings } = result;
  const rate = seconds > 0 ? ` at ${formatBytes(bytes / seconds)}/s` : '';
  return (
    <>
      <p className={styles.made}>
        {merged > 0 && `Added to ${formatPlural(merged, 'weight')}. `}
        {formatPlural(tensors, 'tensor')}, {formatBytes(bytes)} in {formatDuration(seconds)}
        {rate}
      </p>
      <KeptLine kept={kept} />
      {findings.map((finding, index) => (
        <ProblemCard key={index} problem={finding} severity={finding.severity} />
      ))}
      <h3>{formatPlural(files.length, 'file')}</h3>
      <FileList files={files} />
      <h3>Next</h3>
      <p>
        {kind === 'shard'
          ? 'Open the folder to look at its layout, or hand it to the training run.'
          : 'Load the folder with AutoModelForCausalLM.from_pretrained: it needs no adapter any more.'}
      </p>
    </>
  );
}
