import type { ParameterRow } from '../../src-core/index.ts';
import { tagText } from './tags.ts';

const HEAD = ['part', 'name', 'shape', 'dtype', 'bytes', 'stage', 'from', 'transformation', 'ranks', 'copies'];

/** Rows as tab-separated values with a line of names, to be pasted into a spreadsheet. Tabs and line ends in names become spaces. */
export function rowsAsTsv(rows: readonly ParameterRow[]): string {
  const lines = rows.map((row) =>
    [
      row.part,
      row.name,
      row.shape.join('x'),
      row.dtype,
      row.bytes,
      row.stage,
      row.from.join(' '),
      tagText(row),
      row.ranks,
      row.copies,
    ]
      .map((value) => String(value).replace(/[\t\r\n]/g, ' '))
      .join('\t'),
  );
  return [HEAD.join('\t'), ...lines, ''].join('\n');
}
