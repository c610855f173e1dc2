/** What a package holds beside the bundles: nothing that the app does not need, and the licences of what it is made of. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI_LICENSES } from './forge.cli.ts';

/** Where the builds leave the licences of what they bundled. Gathered into one file here, and not packaged as they are. */
const LICENSE_LISTS = ['.vite/build/licenses.json', '.vite/renderer/main_window/licenses.json', `../${CLI_LICENSES}`];

/** The app's words are English: of Chromium's, in 55 languages, one is enough. It falls back to it in any locale. */
const LOCALE = 'en-US.pak';

interface License {
  readonly name: string;
  readonly version: string;
  readonly identifier?: string;
  readonly text?: string;
}

/** Takes from the unpacked runtime what the app does not use. On macOS languages are folders that the system knows about. */
export function pruneRuntime(runtime: string, platform: string): void {
  if (platform === 'darwin') return;
  const locales = join(runtime, 'locales');
  for (const file of readdirSync(locales)) if (file !== LOCALE) rmSync(join(locales, file));
  // Electron brings its default app there, which the packager takes out. Anything else is another app's.
  const resources = join(runtime, 'resources');
  for (const file of readdirSync(resources)) {
    if (file !== 'default_app.asar') rmSync(join(resources, file), { recursive: true });
  }
}

/** Of package.json, what Electron reads when it starts. */
export function prunePackageJson(app: string): void {
  const file = join(app, 'package.json');
  const { name, productName, version, description, author, license, type, main } = JSON.parse(
    readFileSync(file, 'utf8'),
  ) as Record<string, unknown>;
  const kept = { name, productName, version, description, author, license, type, main };
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
}

/** Writes the licences of all bundled packages as one text, beside the app's archive. */
export function gatherLicenses(app: string): void {
  const all = new Map<string, License>();
  for (const list of LICENSE_LISTS.map((name) => join(app, name))) {
    for (const entry of JSON.parse(readFileSync(list, 'utf8')) as readonly License[]) {
      all.set(`${entry.name} ${entry.version}`, entry);
    }
    rmSync(list);
  }
  const sections = [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([title, { identifier, text }]) => {
      // Who ships a package without the text of its licence still says which one it is.
      return `${title}\n${identifier ?? 'see its text'}\n\n${text ?? 'The package brings no text of its licence.'}`;
    });
  const line = `\n\n${'-'.repeat(80)}\n\n`;
  const head =
    'Shardloom is made with these packages. Electron, Chromium and Node.js: see LICENSE and LICENSES.chromium.html.';
  writeFileSync(join(app, '..', 'THIRD-PARTY-LICENSES.txt'), `${[head, ...sections].join(line)}\n`);
}
