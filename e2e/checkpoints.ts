import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ElectronApplication } from '@playwright/test';

/** Folders made for tests, removed when the worker ends. */
const made: string[] = [];
process.on('exit', () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'shardloom-e2e-'));
  made.push(folder);
  return folder;
}

/** A checkpoint made by the command line, as `shardloom sample` makes it. */
export function sampleCheckpoint(
  name: string,
  ...options: readonly string[]
): { checkpoint: string; original: string } {
  const folder = join(temporaryFolder(), name);
  execFileSync(process.execPath, [resolve('dist/cli.js'), 'sample', folder, ...options], { stdio: 'pipe' });
  return { checkpoint: join(folder, 'checkpoint'), original: join(folder, 'original/model.safetensors') };
}

/** A copy that may be damaged. */
export function copyOf(checkpoint: string): string {
  const folder = join(temporaryFolder(), 'checkpoint');
  cpSync(checkpoint, folder, { recursive: true });
  return folder;
}

/** Makes the system's folder dialog answer with this folder: the window that Playwright cannot reach. */
export async function answerFolderDialog(app: ElectronApplication, folder: string | null): Promise<void> {
  await app.evaluate(({ dialog }, chosen) => {
    dialog.showOpenDialog = () =>
      Promise.resolve({ canceled: chosen === null, filePaths: chosen === null ? [] : [chosen] });
  }, folder);
}
