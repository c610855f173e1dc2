import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach } from 'vitest';

const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
});

/** A new folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shardloom-test-'));
  made.push(folder);
  return folder;
}

/** Real checkpoints with expected results; its README says how they were made. */
const FIXTURES = path.resolve('test/fixtures');

/** Names of the checkpoints that hold the essentials of the format and nothing else. */
export function fixtureNames(): string[] {
  return allFixtures().filter((name) => folderToOpen(name) === undefined);
}

/** Names of the checkpoints that hold what training leaves on disk beyond that. */
export function trainingFixtureNames(): string[] {
  return allFixtures().filter((name) => folderToOpen(name) !== undefined);
}

function allFixtures(): string[] {
  const folders = fs.readdirSync(FIXTURES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map((entry) => entry.name).sort();
}

/** The folder below `checkpoint/` that a user opens; only those modelled on training name one. */
export function folderToOpen(name: string): string | undefined {
  return (JSON.parse(fs.readFileSync(fixturePath(name, 'case.json'), 'utf8')) as { open?: string }).open;
}

export function fixturePath(name: string, ...parts: string[]): string {
  return path.join(FIXTURES, name, ...parts);
}

/** All files below a folder with their contents, to see that nothing changed. */
export function snapshot(folder: string): Map<string, string> {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const { mtimeMs } = fs.statSync(file);
      return [path.relative(folder, file), `${mtimeMs} ${fs.readFileSync(file).toString('latin1')}`];
    }),
  );
}
