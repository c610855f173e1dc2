import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { log } from './log.ts';
import { replaceFile } from './replace-file.ts';

const bounds = z.object({
  x: z.number().int().exactOptional(),
  y: z.number().int().exactOptional(),
  width: z.number().int().min(200).max(100_000),
  height: z.number().int().min(200).max(100_000),
  maximized: z.boolean(),
});
const recent = z.object({ folder: z.string(), name: z.string(), facts: z.string(), openedAt: z.number() });
const schema = z.object({
  settings: z.object({ theme: z.enum(['system', 'light', 'dark']) }).catch({ theme: 'system' }),
  recents: z.array(recent).catch([]),
  window: bounds.nullable().catch(null),
});

/** What the app remembers between two starts. */
export type StoredState = Readonly<z.infer<typeof schema>>;
export type WindowBounds = z.infer<typeof bounds>;

/**
 * One small JSON file. What cannot be read in it falls back to its default: a damaged file must never keep the app from
 * starting. Written beside and renamed, so that it is never half there.
 */
export class StateFile {
  readonly #file: string;
  #state: StoredState;

  constructor(folder: string) {
    this.#file = path.join(folder, 'state.json');
    this.#state = read(this.#file);
  }

  get state(): StoredState {
    return this.#state;
  }

  change(changes: Partial<StoredState>): void {
    this.#state = { ...this.#state, ...changes };
    try {
      replaceFile(this.#file, `${JSON.stringify(this.#state, null, 2)}\n`);
    } catch (error) {
      // A full disk must not stop work on checkpoints; the app only forgets.
      log.warn('The state of the app could not be kept.', error);
    }
  }
}

function read(file: string): StoredState {
  const empty: StoredState = { settings: { theme: 'system' }, recents: [], window: null };
  try {
    const parsed = schema.safeParse(JSON.parse(fs.readFileSync(file, 'utf8')));
    return parsed.success ? parsed.data : empty;
  } catch {
    return empty;
  }
}
