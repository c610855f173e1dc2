import { createSpotlight, Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import {
  IconFolderOpen,
  IconHistory,
  IconInfoCircle,
  IconFileZip,
  IconMoon,
  IconPlayerPlay,
  IconRefresh,
  IconSearch,
  IconSun,
} from '@tabler/icons-react';
import { useStore } from 'zustand';
import { changeTheme, openByDialog, openRecent, openSample, reopen, toggleAbout } from '../actions.ts';
import { openDiagnostics } from '../stores/diagnostics.ts';
import { PLACES, session, showParameters, showPlace } from '../stores/session.ts';
import { PLACE_FACTS } from './places.ts';

const [store, palette] = createSpotlight();

export function openPalette(): void {
  palette.open();
}

const ICON = { size: 18, stroke: 1.6 } as const;

/** Everything that can be done, to be found by typing (Ctrl or Cmd with K). */
export function CommandPalette() {
  const opened = useStore(session, (state) => state.opened);
  const recents = useStore(session, (state) => state.recents);
  const places = PLACES.map((place): SpotlightActionData => {
    const { name, icon: Icon, purpose } = PLACE_FACTS[place];
    return {
      id: place,
      label: `Go to ${name}`,
      description: purpose,
      leftSection: <Icon {...ICON} />,
      onClick: () => showPlace(place),
    };
  });
  const commands: SpotlightActionData[] = [
    {
      id: 'open',
      label: 'Open a checkpoint…',
      leftSection: <IconFolderOpen {...ICON} />,
      onClick: () => void openByDialog(),
    },
    {
      id: 'sample',
      label: 'Open the sample',
      leftSection: <IconPlayerPlay {...ICON} />,
      onClick: () => void openSample(),
    },
    { id: 'light', label: 'Light theme', leftSection: <IconSun {...ICON} />, onClick: () => changeTheme('light') },
    { id: 'dark', label: 'Dark theme', leftSection: <IconMoon {...ICON} />, onClick: () => changeTheme('dark') },
    {
      id: 'system',
      label: 'Theme as the system',
      leftSection: <IconSun {...ICON} />,
      onClick: () => changeTheme('system'),
    },
    {
      id: 'diagnostics',
      label: 'Export diagnostics…',
      description: 'Versions, log, plan and errors as a zip file for a report. Never weights.',
      leftSection: <IconFileZip {...ICON} />,
      onClick: () => openDiagnostics(),
    },
    {
      id: 'about',
      label: 'About Shardloom',
      leftSection: <IconInfoCircle {...ICON} />,
      onClick: () => toggleAbout(true),
    },
  ];
  const ofCheckpoint: SpotlightActionData[] = opened
    ? [
        {
          id: 'find',
          label: 'Find a parameter',
          leftSection: <IconSearch {...ICON} />,
          onClick: () => showParameters(''),
        },
        {
          id: 'reopen',
          label: 'Read the folder again',
          leftSection: <IconRefresh {...ICON} />,
          onClick: () => void reopen(),
        },
      ]
    : [];
  const folders = recents.map(({ folder, name, facts }): SpotlightActionData => ({
    id: folder,
    label: `Open ${name}`,
    description: `${facts} – ${folder}`,
    leftSection: <IconHistory {...ICON} />,
    onClick: () => void openRecent(folder),
  }));
  return (
    <Spotlight
      store={store}
      actions={[...places, ...ofCheckpoint, ...commands, ...folders]}
      shortcut="mod + K"
      nothingFound="No command or folder has this in its name."
      highlightQuery
      // In one place, however long the list is.
      centered={false}
      yOffset={80}
      scrollable
      maxHeight={420}
      attributes={{ content: { 'aria-label': 'Command palette' } }}
      searchProps={{
        leftSection: <IconSearch {...ICON} />,
        placeholder: 'Type a command, a place or a recent folder',
        'aria-label': 'Command',
      }}
    />
  );
}
