import fs from 'node:fs';
import path from 'node:path';
import { MAX_INPUT_BYTES } from './mutate-bytes.ts';

const FIXTURES = path.resolve('test/fixtures');
const GOLDEN = path.resolve('test/formats/torch/golden');
const CORPUS = path.resolve('test/attacks');

/** Files of one kind that are much alike add time and nothing else. */
const MAX_OF_A_KIND = 12;

/** Real files whose paths match, from the fixtures, the files that torch wrote, and a folder that was made. */
export function realFiles(pattern: RegExp, bases: string): Uint8Array[] {
  return [FIXTURES, GOLDEN, bases].flatMap((folder) => {
    if (!fs.existsSync(folder)) return [];
    const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
    const files = names.map((name) => path.join(folder, name)).filter((file) => pattern.test(file) && isSmall(file));
    const step = Math.max(1, Math.floor(files.length / MAX_OF_A_KIND));
    return files.filter((_, index) => index % step === 0).map((file) => fs.readFileSync(file));
  });
}

/** These are made to run into a limit of time or number: their changes do so too, and find nothing else. */
const SLOW = /endless|slow|billion|again-and-again|stages|layers/;

/** The attack corpus's files of one kind. */
export function corpusFiles(kind: string): Uint8Array[] {
  const folder = path.join(CORPUS, kind);
  return fs
    .readdirSync(folder)
    .sort()
    .filter((name) => !SLOW.test(name) && isSmall(path.join(folder, name)))
    .map((name) => fs.readFileSync(path.join(folder, name)));
}

function isSmall(file: string): boolean {
  const stat = fs.statSync(file);
  return stat.isFile() && stat.size <= MAX_INPUT_BYTES;
}
