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

/** The shared fixtures: real checkpoints with expected results. Tests that need them skip where they are not there. */
const FIXTURES = path.resolve('../shared/fixtures');

/** Names of the fixtures, or none, with a line that says so. */
export function fixtureNames(): string[] {
  if (!fs.existsSync(FIXTURES)) {
    console.warn(`The fixtures are not at ${path.relative('.', FIXTURES)}: tests that need them are skipped.`);
    return [];
  }
  return fs
    .readdirSync(FIXTURES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
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
