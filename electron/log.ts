import fs from 'node:fs';
import path from 'node:path';
import nodeLog from 'electron-log/node';

/** Bytes of one log file. When it is full it becomes the old one, and that one is forgotten. */
const MAX_LOG_BYTES = 1024 * 1024;

const FILE = 'main.log';
const OLD_FILE = 'main.old.log';

/** What a line tells beside its words: plain data, never values of tensors. */
export type Details = Readonly<Record<string, unknown>>;

// Its entry for Node only: nothing of it reaches a page.
const logger = nodeLog.create({ logId: 'shardloom' });
logger.transports.file.level = false;
logger.transports.console.level = 'warn';

let folder: string | null = null;

/** From now on the log is written into `logs` below this folder, at once, so that what came before a crash is in it. */
export function startLog(userData: string): void {
  folder = path.join(userData, 'logs');
  const { file } = logger.transports;
  file.level = 'info';
  file.maxSize = MAX_LOG_BYTES;
  file.format = '{iso} {level} {text}';
  file.resolvePathFn = () => path.join(userData, 'logs', FILE);
}

/** One line for each thing that happens; details as JSON, so that paths in it can be found again. */
export const log = {
  info: (what: string, details?: Details): void => {
    logger.info(lineOf(what, details));
  },
  warn: (what: string, error: unknown): void => {
    logger.warn(`${lineOf(what)}\n${textOf(error)}`);
  },
  error: (what: string, error: unknown, details?: Details): void => {
    logger.error(`${lineOf(what, details)}\n${textOf(error)}`);
  },
};

/** What is in the log, oldest first; empty where nothing has been written. */
export function logText(): string {
  return [OLD_FILE, FILE].map(readOr).join('');
}

function readOr(file: string): string {
  try {
    return folder === null ? '' : fs.readFileSync(path.join(folder, file), 'utf8');
  } catch {
    return '';
  }
}

function lineOf(what: string, details?: Details): string {
  return details === undefined ? what : `${what} ${JSON.stringify(details)}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
