import { ActionIcon, Button, Select, Tooltip } from '@mantine/core';
import { IconArrowsExchange } from '@tabler/icons-react';
import { useStore } from 'zustand';
import { ask } from '../bridge.ts';
import { diffSides } from '../stores/diff.ts';
import { session } from '../stores/session.ts';
import styles from './diff.module.css';

/** The two folders, chosen from what is open, the recent ones, or with a dialog. */
export function Sides() {
  const { left, right } = useStore(diffSides);
  return (
    <div className={styles.sides}>
      <Side label="Left" folder={left} onChange={(folder) => diffSides.setState({ left: folder })} />
      <Tooltip label="Swap the sides">
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label="Swap the sides"
          onClick={() => diffSides.setState({ left: right, right: left })}
        >
          <IconArrowsExchange size={18} />
        </ActionIcon>
      </Tooltip>
      <Side label="Right" folder={right} onChange={(folder) => diffSides.setState({ right: folder })} />
    </div>
  );
}

interface SideProps {
  readonly label: string;
  readonly folder: string | null;
  readonly onChange: (folder: string) => void;
}

function Side({ label, folder, onChange }: SideProps) {
  const opened = useStore(session, (state) => state.opened);
  const recents = useStore(session, (state) => state.recents);
  const known = [...(opened ? [opened.folder] : []), ...recents.map((recent) => recent.folder)];
  const data = [...new Set([...(folder === null ? [] : [folder]), ...known])];
  return (
    <div className={styles.side}>
      <Select
        label={label}
        placeholder="Weights, an adapter or a checkpoint"
        data={data}
        value={folder}
        allowDeselect={false}
        onChange={(chosen) => {
          if (chosen !== null) onChange(chosen);
        }}
      />
      <Button
        variant="default"
        aria-label={`Choose ${label.toLowerCase()} folder…`}
        onClick={() => {
          void ask('folder:choose', 'weights').then((chosen) => {
            if (chosen !== null) onChange(chosen);
          });
        }}
      >
        Choose…
      </Button>
    </div>
  );
}
