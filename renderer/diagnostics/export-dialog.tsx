import { Button, Checkbox, Modal } from '@mantine/core';
import { IconCircleCheck, IconDownload, IconFolder } from '@tabler/icons-react';
import { useState } from 'react';
import { useStore } from 'zustand';
import type { DiagnosticsAbout, DiagnosticsOutline } from '../../electron/channels.ts';
import type { Problem } from '../../src-core/index.ts';
import { ask, problemOf } from '../bridge.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { closeDiagnostics, diagnosticsDialog } from '../stores/diagnostics.ts';
import { useAnswer } from '../use-answer.ts';
import styles from './diagnostics.module.css';

/** Says what a diagnostics bundle will hold before it is saved, and where it is afterwards. */
export function ExportDialog() {
  const about = useStore(diagnosticsDialog, (state) => state.about);
  return (
    <Modal opened={about !== null} onClose={closeDiagnostics} title="Export diagnostics" size={600}>
      {about && <Export about={about} />}
    </Modal>
  );
}

function Export({ about }: { readonly about: DiagnosticsAbout }) {
  const { value: outline, problem } = useAnswer('diagnostics:outline', about);
  const [saved, setSaved] = useState<string | null>(null);
  if (problem) return <ProblemCard problem={problem} canExport={false} />;
  if (saved !== null) return <Saved file={saved} />;
  if (!outline) return null;
  return <Confirmation about={about} outline={outline} onSaved={setSaved} />;
}

interface ConfirmationProps {
  readonly about: DiagnosticsAbout;
  readonly outline: DiagnosticsOutline;
  readonly onSaved: (file: string) => void;
}

function Confirmation({ about, outline: { folder, files }, onSaved }: ConfirmationProps) {
  const [shortenPaths, setShortenPaths] = useState(true);
  const [isSaving, setIsSaving] = useState(false);
  const [failure, setFailure] = useState<Problem | null>(null);
  const save = async (): Promise<void> => {
    setIsSaving(true);
    try {
      const file = await ask('diagnostics:export', { ...about, shortenPaths });
      if (file !== null) onSaved(file);
    } catch (error) {
      setFailure(problemOf(error));
    } finally {
      setIsSaving(false);
    }
  };
  return (
    <div className={styles.dialog}>
      <p>
        A zip file of plain text to attach to a report. It stays on this computer: Shardloom sends nothing anywhere.
      </p>
      {folder !== null && (
        <p className={styles.subject}>
          About <MiddleName text={folder} tail={40} className="mono" />
        </p>
      )}
      <dl className={styles.files} aria-label="What will be in it">
        {files.map(({ file, about: content }) => (
          <div key={file}>
            <dt className="mono">{file}</dt>
            <dd>{content}</dd>
          </div>
        ))}
      </dl>
      <p className={styles.never}>
        Never in it: weights, not a byte and not a value; the contents of other files of the checkpoint.
      </p>
      <Checkbox
        label="Shorten paths"
        description="Folders and your user name become <checkpoint>, <output>, <home> and the like. Names of files stay."
        checked={shortenPaths}
        onChange={({ currentTarget }) => {
          setShortenPaths(currentTarget.checked);
        }}
      />
      {failure && <ProblemCard problem={failure} canExport={false} />}
      <div className={styles.actions}>
        <Button variant="default" onClick={closeDiagnostics}>
          Cancel
        </Button>
        <Button leftSection={<IconDownload size={16} />} loading={isSaving} onClick={() => void save()}>
          Save…
        </Button>
      </div>
    </div>
  );
}

function Saved({ file }: { readonly file: string }) {
  return (
    <div className={styles.dialog}>
      <p className={styles.saved} role="status">
        <IconCircleCheck size={18} stroke={1.7} aria-hidden />
        Saved. Look through it before you send it.
      </p>
      <p className={`${styles.subject} selectable`}>
        <MiddleName text={file} tail={40} className="mono" />
      </p>
      <div className={styles.actions}>
        <Button variant="default" onClick={closeDiagnostics}>
          Close
        </Button>
        <Button leftSection={<IconFolder size={16} />} onClick={() => void ask('diagnostics:reveal')} data-autofocus>
          Show in folder
        </Button>
      </div>
    </div>
  );
}
