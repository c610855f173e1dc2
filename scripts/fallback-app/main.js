/**
 * What `electron <folder>` runs first. Electron's own distribution has such a file as default_app.asar; the fallback
 * runtime (see electron-runtime.mjs) lacks it, and this is the part of it that is needed: start the app in a folder.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { app } from 'electron';

const args = process.argv.slice(1);
let folder = '.';
for (let index = 0; index < args.length; index++) {
  const arg = String(args[index]);
  if (arg === '-r' || arg === '--require') createRequire(import.meta.url)(resolve(String(args[++index])));
  else if (!arg.startsWith('-')) {
    folder = arg;
    break;
  }
}

const root = resolve(folder);
/** @type {{ name: string, productName?: string, version: string, main: string }} */
const packageJson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
// Both methods are there for this file's like and in no documentation.
const settable = /** @type {Electron.App & Record<'setAppPath' | 'setVersion', (value: string) => void>} */ (app);
settable.setAppPath(root);
settable.setName(packageJson.productName ?? packageJson.name);
settable.setVersion(packageJson.version);
// Awaited, so that Electron does not become ready before the app has registered what it must register first.
await import(pathToFileURL(join(root, packageJson.main)).href);
