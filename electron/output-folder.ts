import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A new folder beside `folder` with `suffix`; for what goes away with the app, one in the home folder. */
export function suggestedOutput(folder: string, suffix: string, isSample: boolean): string {
  const base = isSample ? path.join(os.homedir(), `shardloom-sample${suffix}`) : `${folder}${suffix}`;
  let out = base;
  for (let number = 2; isTaken(out); number++) out = `${base}-${number}`;
  return out;
}

function isTaken(folder: string): boolean {
  try {
    return fs.readdirSync(folder).length > 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
