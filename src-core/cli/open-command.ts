import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { plainFiles } from '../checkpoint/weights-folder.ts';
import { printable, ShardloomError } from '../errors.ts';
import { EXIT } from './exit-codes.ts';

/** The program that shows the window. `shardloom` itself is the command line everywhere. */
export const WINDOW = 'shardloom-desktop';

/** How macOS knows the app. */
export const APP_ID = 'org.shardloom.app';

/** A program that cannot show a window, for want of a library or of permission, has ended by then. */
const FAILS_WITHIN_MS = 1000;

interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** `shardloom open [FOLDER]`. Returns the exit code as soon as the window is on its way. Throws `no-window` where it is not. */
export async function openCommand(folder: string | undefined): Promise<number> {
  const opened = folder === undefined ? [] : [path.resolve(folder)];
  opened.forEach(plainFiles);
  requireDisplay();
  const { command, args } = windowProgram();
  await started(spawn(command, [...args, ...opened], { detached: true, stdio: 'ignore' }), command);
  process.stdout.write(`${printable(['Opened in the window', ...opened].join(': '))}\n`);
  return EXIT.done;
}

function requireDisplay(): void {
  if (process.platform === 'win32' || process.platform === 'darwin') return;
  const { DISPLAY, WAYLAND_DISPLAY, ELECTRON_DISABLE_SANDBOX } = process.env;
  if (!DISPLAY && !WAYLAND_DISPLAY) {
    throw new ShardloomError({
      tag: 'no-window',
      what: 'There is no display to show the window on.',
      found: 'neither DISPLAY nor WAYLAND_DISPLAY is set',
      advice: 'Use the other commands, which need none (shardloom --help), or log in with "ssh -X".',
    });
  }
  if (process.getuid?.() === 0 && !ELECTRON_DISABLE_SANDBOX) {
    throw new ShardloomError({
      tag: 'no-window',
      what: 'The window does not run as root: its sandbox refuses to.',
      advice: 'Open it as another user. The other commands run as root too.',
    });
  }
}

/** The window of the package that this command line is in; of whatever is installed, where it is in none. */
function windowProgram(): Program {
  const resources = path.join(import.meta.dirname, '..');
  const packaged = fs.existsSync(path.join(resources, 'app.asar'));
  if (process.platform === 'darwin') {
    return { command: 'open', args: packaged ? ['-a', path.join(resources, '..', '..')] : ['-b', APP_ID] };
  }
  const name = process.platform === 'win32' ? `${WINDOW}.exe` : WINDOW;
  return { command: packaged ? path.join(resources, '..', name) : name, args: [] };
}

/** Waits until the program runs, or has handed the folder to the one that runs already. It outlives this one. */
async function started(child: ChildProcess, command: string): Promise<void> {
  child.unref();
  const waiting = new AbortController();
  try {
    const time = setTimeout(FAILS_WITHIN_MS, null, { signal: waiting.signal });
    const ended = (await Promise.race([once(child, 'exit'), time])) as [number | null, string | null] | null;
    if (ended !== null && ended[0] !== 0) throw endedAtOnce(command, ...ended);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? notInstalled(error) : error;
  } finally {
    waiting.abort();
  }
}

function endedAtOnce(command: string, code: number | null, signal: string | null): ShardloomError {
  return new ShardloomError({
    tag: 'no-window',
    what: 'The window ended as soon as it was started.',
    file: command,
    found: code === null ? `ended by ${String(signal)}` : `exit code ${code}`,
    advice:
      'Run that program by itself: it prints what it lacks. apt-get installs the libraries it needs with the package.',
  });
}

function notInstalled(cause: unknown): ShardloomError {
  return new ShardloomError(
    {
      tag: 'no-window',
      what: 'The window is not installed.',
      found: `no ${WINDOW} on the path`,
      advice: 'Install the Shardloom app, or start the window from a clone with "npm start".',
    },
    { cause },
  );
}
