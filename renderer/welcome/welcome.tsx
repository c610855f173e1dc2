import { ActionIcon, Button, UnstyledButton } from '@mantine/core';
import { IconFolderOpen, IconPlayerPlay, IconX } from '@tabler/icons-react';
import { useStore } from 'zustand';
import type { RecentCheckpoint } from '../../electron/channels.ts';
import { forgetRecent, openByDialog, openRecent, openSample } from '../actions.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { InterruptedNotice } from '../jobs/interrupted-notice.tsx';
import { session } from '../stores/session.ts';
import { FailureCard } from './failure-card.tsx';
import { timeAgo } from './time-ago.ts';
import styles from './welcome.module.css';

/** The page before a checkpoint is open. */
export function Welcome() {
  const recents = useStore(session, (state) => state.recents);
  const failure = useStore(session, (state) => state.failure);
  return (
    <div className={styles.page}>
      <div className={styles.column}>
        <InterruptedNotice />
        <header>
          <h1>Open a checkpoint</h1>
          <p className={styles.purpose}>
            Shardloom joins sharded AWS Trainium checkpoints into Hugging Face weights, byte for byte, and proves the
            result. Folders that you open are only read.
          </p>
        </header>
        {failure && <FailureCard failure={failure} />}
        <div className={styles.actions}>
          <Button size="sm" leftSection={<IconFolderOpen size={18} stroke={1.6} />} onClick={() => void openByDialog()}>
            Open folder…
          </Button>
          <Button
            size="sm"
            variant="default"
            leftSection={<IconPlayerPlay size={18} stroke={1.6} />}
            onClick={() => void openSample()}
          >
            Try a sample
          </Button>
          <p className="quiet">or drop the folder anywhere on this window</p>
        </div>
        <p className={styles.hint}>
          The folder is what the training run saved: the one with <code>shards/</code> or{' '}
          <code>adapter_&lt;name&gt;/</code> in it, or one of these. The sample is a small Llama checkpoint, TP 8 with
          replicated KV heads.
        </p>
        {recents.length > 0 && (
          <section aria-labelledby="recent-heading">
            <h2 id="recent-heading">Recent</h2>
            <ul className={styles.recents}>
              {recents.map((recent) => (
                <Recent key={recent.folder} recent={recent} />
              ))}
            </ul>
          </section>
        )}
      </div>
    </div>
  );
}

function Recent({ recent: { folder, name, facts, openedAt } }: { readonly recent: RecentCheckpoint }) {
  return (
    <li className={styles.recent}>
      <UnstyledButton className={styles.recentMain} onClick={() => void openRecent(folder)}>
        <span className={styles.recentName}>
          <MiddleName text={name} tail={16} />
          <span className={styles.recentFacts}>{facts}</span>
        </span>
        <span className={styles.recentPath}>
          <MiddleName text={folder} tail={40} className="mono" />
          <span>{timeAgo(openedAt, Date.now())}</span>
        </span>
      </UnstyledButton>
      <ActionIcon
        size="sm"
        aria-label={`Take ${name} off the list`}
        title="Take off the list"
        onClick={() => void forgetRecent(folder)}
      >
        <IconX size={14} />
      </ActionIcon>
    </li>
  );
}
