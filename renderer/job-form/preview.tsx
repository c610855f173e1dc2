import { Button, Skeleton } from '@mantine/core';
import { IconCopy } from '@tabler/icons-react';
import type { OutputPreview } from '../../electron/channels.ts';
import type { Problem } from '../../src-core/index.ts';
import { formatBytes, formatPlural } from '../../src-core/units.ts';
import { copyText } from '../actions.ts';
import { FileList } from '../components/file-list.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import styles from './job-form.module.css';

interface PreviewProps {
  readonly preview: OutputPreview | null;
  /** What is checked while it is written. */
  readonly checks: readonly string[];
  /** Why it could not be started, where that was tried. */
  readonly failure: Problem | null;
}

/** What would be written, whether there is space, how it will be checked, and the same on the command line. */
export function Preview({ preview, checks, failure }: PreviewProps) {
  if (!preview) return <Skeleton className={styles.preview} height={280} />;
  const { files, companions, findings, problem, command } = preview;
  const warnings = findings.filter(({ severity }) => severity === 'warning');
  return (
    <section className={styles.preview} aria-label="What will be written" aria-live="polite">
      {problem && <ProblemCard problem={problem} />}
      {failure && <ProblemCard problem={failure} />}
      {files.length > 0 && (
        <>
          <h2>
            {formatPlural(files.length, 'weights file')}, {formatBytes(preview.bytes)}
          </h2>
          <FileList files={files} />
          <p className={styles.beside}>
            Beside {files.length === 1 ? 'it' : 'them'}: {besides(companions)}
          </p>
          <Space preview={preview} />
          {preview.leftBytes > 0 && (
            <p className={styles.beside}>
              A run was interrupted here. What it has written ({formatBytes(preview.leftBytes)}) is kept where it is
              what would be written.
            </p>
          )}
          <h2>Checked on the way</h2>
          <ul className={styles.checkList}>
            {checks.map((check) => (
              <li key={check}>{check}</li>
            ))}
          </ul>
        </>
      )}
      {warnings.map((finding, index) => (
        <ProblemCard key={index} problem={finding} severity={finding.severity} />
      ))}
      {command !== '' && <CommandLine command={command} />}
    </section>
  );
}

/** Small files that are named before the rest is counted. */
const FEW = 12;

function besides(companions: readonly string[]): string {
  const rest = companions.length - FEW;
  return companions.slice(0, FEW).join(', ') + (rest > 0 ? ` and ${formatPlural(rest, 'more file')}` : '');
}

/** Need beside free space, as a bar and in words. */
function Space({ preview: { bytes: all, leftBytes, freeBytes } }: { readonly preview: OutputPreview }) {
  if (freeBytes === null) return null;
  const bytes = all - leftBytes;
  const share = Math.min(1, bytes / Math.max(1, freeBytes));
  return (
    <div className={styles.space}>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden data-full={bytes > freeBytes || undefined}>
        <rect width="100" height="4" rx="0" className={styles.free} />
        <rect width={Math.max(0.4, share * 100)} height="4" className={styles.need} />
      </svg>
      <p>
        Needs {formatBytes(bytes)} of {formatBytes(freeBytes)} free on this disk
      </p>
    </div>
  );
}

function CommandLine({ command }: { readonly command: string }) {
  return (
    <div className={styles.command}>
      <h2>The same on the command line</h2>
      <div className={styles.commandLine}>
        <code className="selectable" tabIndex={0}>
          {command}
        </code>
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<IconCopy size={14} />}
          onClick={() => {
            copyText(command);
          }}
        >
          Copy
        </Button>
      </div>
    </div>
  );
}
