import { Button } from '@mantine/core';
import { openByDialog } from '../actions.ts';
import { EmptyPlace } from '../components/place-header.tsx';
import type { Place } from '../stores/session.ts';
import { PLACE_FACTS } from './places.ts';

/** A place before a checkpoint is open. */
export function NoCheckpoint({ place }: { readonly place: Place }) {
  const { name, purpose } = PLACE_FACTS[place];
  return (
    <EmptyPlace title={name} action={<Button onClick={() => void openByDialog()}>Open a checkpoint…</Button>}>
      {purpose} Open a checkpoint folder first.
    </EmptyPlace>
  );
}
