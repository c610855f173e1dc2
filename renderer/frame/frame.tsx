import { useEffect } from 'react';
import { useStore } from 'zustand';
import { runCommand } from '../actions.ts';
import { AdaptersPlace } from '../adapters/adapters-place.tsx';
import { ConsolidatePlace } from '../consolidate/consolidate-place.tsx';
import { DiffPlace } from '../diff/diff-place.tsx';
import { JobsPlace } from '../jobs/jobs-place.tsx';
import { LayoutPlace } from '../layout/layout-place.tsx';
import { Overview } from '../overview/overview.tsx';
import { ParametersPlace } from '../parameters/parameters-place.tsx';
import { ReplicasPlace } from '../replicas/replicas-place.tsx';
import { ReshardPlace } from '../reshard/reshard-place.tsx';
import { ShardsPlace } from '../shards/shards-place.tsx';
import { session, type Place } from '../stores/session.ts';
import { ExportDialog } from '../diagnostics/export-dialog.tsx';
import { Welcome } from '../welcome/welcome.tsx';
import { AboutBox } from './about-box.tsx';
import { DropTarget } from './drop-target.tsx';
import styles from './frame.module.css';
import { Header } from './header.tsx';
import { NoCheckpoint } from './no-checkpoint.tsx';
import { Opening } from './opening.tsx';
import { OpeningFailed } from './opening-failed.tsx';
import { CommandPalette, openPalette } from './palette.tsx';
import { Rail } from './rail.tsx';
import { StatusLine } from './status-line.tsx';
import { Trouble } from './trouble.tsx';
import { focusFilter, useKeys } from './keys.ts';

/** Places that fill the window and have what scrolls inside; the others scroll as a whole. */
const FILLING: ReadonlySet<Place> = new Set(['parameters', 'layout', 'shards', 'replicas', 'diff']);

/** The whole window: rail, header, the place, and the status line. */
export function Frame() {
  const opened = useStore(session, (state) => state.opened);
  const opening = useStore(session, (state) => state.opening);
  const place = useStore(session, (state) => state.place);
  useKeys();
  useEffect(
    () =>
      window.shardloom.on('command', (command) => {
        if (command === 'palette') openPalette();
        else if (command === 'filter') focusFilter();
        else runCommand(command);
      }),
    [],
  );
  useEffect(() => {
    document.title = opened ? `${opened.name} – Shardloom` : 'Shardloom';
  }, [opened]);
  return (
    <div className={styles.frame}>
      <Rail />
      <Header />
      <main className={styles.place} id="place" tabIndex={-1} data-fills={FILLING.has(place) || undefined}>
        {opening !== null ? <Opening folder={opening} /> : <PlaceOf place={place} />}
      </main>
      <div className={styles.notices}>
        <OpeningFailed />
        <Trouble />
      </div>
      <StatusLine />
      <CommandPalette />
      <AboutBox />
      <ExportDialog />
      <DropTarget />
    </div>
  );
}

function PlaceOf({ place }: { readonly place: Place }) {
  const opened = useStore(session, (state) => state.opened);
  if (place === 'jobs') return <JobsPlace />;
  if (place === 'reshard') return <ReshardPlace key={opened?.checkpoint} opened={opened} />;
  if (place === 'diff') return <DiffPlace />;
  if (!opened) return place === 'overview' ? <Welcome /> : <NoCheckpoint place={place} />;
  // A place begins anew with another checkpoint: nothing of the last one's may stay.
  if (place === 'overview') return <Overview key={opened.checkpoint} opened={opened} />;
  if (place === 'parameters') return <ParametersPlace key={opened.checkpoint} opened={opened} />;
  if (place === 'layout') return <LayoutPlace key={opened.checkpoint} opened={opened} />;
  if (place === 'shards') return <ShardsPlace key={opened.checkpoint} opened={opened} />;
  if (place === 'replicas') return <ReplicasPlace key={opened.checkpoint} opened={opened} />;
  if (place === 'adapters') return <AdaptersPlace key={opened.checkpoint} opened={opened} />;
  return <ConsolidatePlace key={opened.checkpoint} opened={opened} />;
}
