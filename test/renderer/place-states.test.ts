import { beforeEach, expect, test } from 'vitest';
import type { OpenedCheckpoint } from '../../electron/channels.ts';
import { placeState, type PlaceStates } from '../../renderer/stores/place-states.ts';
import {
  changePlace,
  checkpointClosed,
  checkpointOpened,
  session,
  showLayout,
  showParameters,
  showShard,
} from '../../renderer/stores/session.ts';

const opened = (folder: string, checkpoint = 1): OpenedCheckpoint =>
  ({ folder, checkpoint, name: folder }) as OpenedCheckpoint;

function kept<Of extends keyof PlaceStates>(place: Of, about: string): PlaceStates[Of] {
  return placeState(session.getState().kept, place, about);
}

beforeEach(() => {
  session.setState({ ...session.getInitialState() });
  checkpointOpened(opened('/a'));
});

test('each checkpoint keeps how its places were left, also when it is read again', () => {
  changePlace('parameters', '/a', { query: 'q_proj', scroll: 280 });
  changePlace('parameters', '/a', { sort: { key: 'bytes', descending: true } });
  checkpointOpened(opened('/b', 2));
  expect(kept('parameters', '/b')).toMatchObject({ query: '', sort: null, scroll: 0 });
  changePlace('shards', '/b', { query: 'qkv' });
  checkpointOpened(opened('/a', 3));
  expect(kept('parameters', '/a')).toMatchObject({ query: 'q_proj', sort: { key: 'bytes' }, scroll: 280 });
  expect(kept('shards', '/a').query).toBe('');
});

test('a checkpoint that is closed begins anew', () => {
  changePlace('parameters', '/a', { query: 'q_proj' });
  changePlace('diff', '/a /b', { query: 'k_proj' });
  checkpointClosed();
  expect(session.getState()).toMatchObject({ opened: null, place: 'overview' });
  expect(kept('parameters', '/a').query).toBe('');
  expect(kept('diff', '/a /b').query).toBe('k_proj');
});

test('what leads to a place changes what it shows there, and leaves the rest', () => {
  changePlace('shards', '/a', { query: 'qkv', isOpen: false });
  showShard({ part: 'model', rank: { tp: 3, pp: 0 }, tensor: 'x' });
  expect(session.getState().place).toBe('shards');
  expect(kept('shards', '/a')).toMatchObject({ query: 'qkv', isOpen: true, shown: { tensor: 'x' } });
  changePlace('layout', '/a', { scope: 'layer', picked: 4 });
  showLayout({ part: 'model', name: 'y' });
  expect(kept('layout', '/a')).toMatchObject({ scope: 'parameter', picked: null, shown: { name: 'y' } });
  showParameters('z');
  expect(kept('parameters', '/a').query).toBe('z');
});
