import fs from 'node:fs';
import path from 'node:path';

/** Writes a file beside and renames it, with the folder that it is in: a file of that name is never half there. */
export function replaceFile(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.new`, text);
  fs.renameSync(`${file}.new`, file);
}
