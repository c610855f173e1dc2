import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach } from 'vitest';

const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
});

/** A new folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = newFolder();
  made.push(folder);
  return folder;
}

/** A new folder for all tests of a file, removed after them. Called outside tests and hooks. */
export function folderForAll(): string {
  const folder = newFolder();
  afterAll(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** By its real path: on macOS the system's folder for temporary files is a link. */
function newFolder(): string {
  return fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'shardloom-test-'));
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
