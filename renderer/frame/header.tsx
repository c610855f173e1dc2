import { ActionIcon, Menu, Tooltip, UnstyledButton } from '@mantine/core';
import { IconCheck, IconCommand, IconDots, IconFolderOpen } from '@tabler/icons-react';
import { useStore } from 'zustand';
import { factsLine } from '../../src-core/inspect/facts.ts';
import {
  changeTheme,
  closeCheckpoint,
  copyText,
  openByDialog,
  openSample,
  reopen,
  reveal,
  toggleAbout,
} from '../actions.ts';
import { HealthBadge } from '../components/health-badge.tsx';
import { MiddleName } from '../components/middle-name.tsx';
import { openDiagnostics } from '../stores/diagnostics.ts';
import { session } from '../stores/session.ts';
import styles from './frame.module.css';
import { openPalette } from './palette.tsx';

/** Name, path, facts and health of the checkpoint, and what can be done with any. */
export function Header() {
  const opened = useStore(session, (state) => state.opened);
  const opening = useStore(session, (state) => state.opening);
  return (
    <header className={styles.header}>
      {opened && opening === null ? (
        <div className={styles.identity}>
          <div className={styles.nameLine}>
            <MiddleName text={opened.name} tail={16} className={styles.checkpointName} />
            <Tooltip label={`${opened.folder} (click to copy)`}>
              <UnstyledButton
                className={styles.path}
                aria-label={`Copy the path ${opened.folder}`}
                onClick={() => {
                  copyText(opened.folder);
                }}
              >
                <MiddleName text={opened.folder} tail={32} className="mono" />
              </UnstyledButton>
            </Tooltip>
          </div>
          <p className={styles.facts}>{factsLine(opened.summary)}</p>
        </div>
      ) : (
        <div className={styles.identity}>
          <p className={styles.checkpointName}>Shardloom</p>
        </div>
      )}
      <div className={styles.headerActions}>
        {opened && opening === null && <HealthBadge summary={opened.summary} />}
        <ActionIcon aria-label="Open a checkpoint" title="Open a checkpoint" onClick={() => void openByDialog()}>
          <IconFolderOpen size={18} stroke={1.6} />
        </ActionIcon>
        <ActionIcon aria-label="Command palette" title="Command palette" onClick={openPalette}>
          <IconCommand size={18} stroke={1.6} />
        </ActionIcon>
        <MoreMenu />
      </div>
    </header>
  );
}

const THEMES = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const;

function MoreMenu() {
  const opened = useStore(session, (state) => state.opened);
  const theme = useStore(session, (state) => state.settings.theme);
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon aria-label="More" title="More">
          <IconDots size={18} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void openSample()}>Open the sample</Menu.Item>
        {opened && (
          <>
            <Menu.Item onClick={() => void reopen()}>Read the folder again</Menu.Item>
            <Menu.Item
              onClick={() => {
                reveal();
              }}
            >
              Show in the file manager
            </Menu.Item>
            <Menu.Item onClick={() => void closeCheckpoint()}>Close the checkpoint</Menu.Item>
          </>
        )}
        <Menu.Divider />
        <Menu.Label>Theme</Menu.Label>
        {THEMES.map(([value, name]) => (
          <Menu.Item
            key={value}
            rightSection={value === theme ? <IconCheck size={14} aria-label="chosen" /> : null}
            onClick={() => {
              changeTheme(value);
            }}
          >
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item
          onClick={() => {
            openDiagnostics();
          }}
        >
          Export diagnostics…
        </Menu.Item>
        <Menu.Item
          onClick={() => {
            toggleAbout(true);
          }}
        >
          About Shardloom
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
