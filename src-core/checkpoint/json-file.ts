import { withFile } from '../bytes/file.ts';
import { readRange } from '../bytes/source.ts';
import { ShardloomError } from '../errors.ts';
import { parseJson } from '../formats/json.ts';
import { MAX_JSON_BYTES } from '../limits.ts';
import { formatBytes } from '../units.ts';

/** Reads and parses a JSON file of at most `maxBytes`. */
export function readJsonFile(path: string, maxBytes = MAX_JSON_BYTES): unknown {
  return withFile(path, (source) => {
    if (source.size > maxBytes) {
      throw new ShardloomError({
        tag: 'over-limit',
        what: 'The JSON file is larger than any that belongs to a checkpoint.',
        file: path,
        found: formatBytes(source.size),
        expected: `at most ${formatBytes(maxBytes)}`,
      });
    }
    const bytes = readRange(source, 0, source.size, 'The JSON text');
    return parseJson(bytes, {
      file: path,
      tag: 'bad-metadata',
      what: 'The file is not valid JSON.',
      advice: 'The file was cut or damaged: copy it again from where it was written.',
    }).document;
  });
}
