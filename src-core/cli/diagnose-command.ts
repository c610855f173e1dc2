import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { realPathOf } from '../bytes/file.ts';
import { formatProblem, printable, ShardloomError } from '../errors.ts';
import { asWriteError } from '../execute/copy-tensors.ts';
import { diagnose } from '../jobs/diagnosis.ts';
import { BUNDLE_FILES, bundleTexts, diagnosticsBundle, type Diagnostics } from '../jobs/diagnostics-bundle.ts';
import { pathShortener, userName, type NamedFolder, type Shorten } from '../jobs/shorten-paths.ts';
import { formatBytes } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { styled } from './terminal.ts';

/** The options of `shardloom diagnose`, as the command line gives them. */
export interface DiagnoseFlags extends OpeningFlags {
  readonly out: string;
  readonly fullPaths?: boolean;
  readonly json?: boolean;
}

/** `shardloom diagnose FOLDER`. Done when the bundle is written, whatever is wrong with the folder. Returns the exit code. */
export async function diagnoseCommand(folder: string, flags: DiagnoseFlags, version: string): Promise<number> {
  const opened = path.resolve(folder);
  const diagnostics: Diagnostics = {
    versions: { shardloom: `${version} (command line)` },
    diagnosis: diagnose(opened, openOptionsOf(flags)),
    log: null,
    jobs: null,
    fault: null,
    shorten: flags.fullPaths ? null : shortenerFor(opened),
  };
  const bundle = await diagnosticsBundle(diagnostics);
  const out = path.resolve(flags.out);
  write(out, bundle);
  const files = [...bundleTexts(diagnostics).keys()];
  const problem = diagnostics.diagnosis?.fault?.problem ?? null;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ out, bytes: bundle.length, files, problem }, null, 2)}\n`);
    return EXIT.done;
  }
  const lines = [
    `${styled('bold', 'Diagnostics')} of ${printable(opened)}, ${formatBytes(bundle.length)}`,
    `  in ${printable(out)}`,
    ...files.map((file) => `    ${file.padEnd(17)}${BUNDLE_FILES[file]}`),
    ...(problem ? ['', formatProblem(problem)] : []),
    '',
    'No weights are in it. Look through it before you send it.',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.done;
}

function shortenerFor(opened: string): Shorten {
  const checkpoint: NamedFolder = { folder: opened, role: 'checkpoint', alias: realPathOf(opened) };
  const home: NamedFolder = { folder: os.homedir(), role: 'home', alias: realPathOf(os.homedir()) };
  return pathShortener({ folders: [checkpoint, home], user: userName() });
}

function write(file: string, bundle: Buffer): void {
  try {
    fs.writeFileSync(file, bundle, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw asWriteError(error, file);
    throw new ShardloomError({
      tag: 'output-exists',
      what: 'There is a file of this name already.',
      file,
      advice: 'Name another with --out.',
    });
  }
}
