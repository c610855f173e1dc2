import {
  columnResizingFeature,
  columnSizingFeature,
  columnVisibilityFeature,
  createColumnHelper,
  tableFeatures,
} from '@tanstack/react-table';
import type { ReactNode } from 'react';
import type { ParameterRow } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatShape } from '../../src-core/units.ts';
import { longestOf, shortName, shortNames } from '../components/short-name.ts';
import { Shortened } from '../components/tensor-name.tsx';
import type { SortKey } from './arrange.ts';
import { TagMark } from './tag-mark.tsx';

/** Sorting and grouping come before the table: it draws columns, their widths and which are shown. */
export const features = tableFeatures({ columnVisibilityFeature, columnSizingFeature, columnResizingFeature });

const helper = createColumnHelper<typeof features, ParameterRow>();

/** What names get of the width that the columns leave. */
export const SHARES: Partial<Record<SortKey, number>> = { name: 2, from: 1 };

/** Columns whose values are numbers stand at the right. */
export const NUMERIC: ReadonlySet<SortKey> = new Set<SortKey>(['bytes', 'stage', 'ranks', 'copies']);

const column = (id: SortKey, header: string, size: number): ReturnType<typeof helper.display> =>
  helper.display({ id, header, size, enableHiding: id !== 'name' });

export const columns = helper.columns([
  column('name', 'Parameter', 296),
  column('shape', 'Shape', 112),
  column('dtype', 'Dtype', 60),
  column('bytes', 'Size', 84),
  column('rule', 'What was done', 148),
  column('from', 'From Neuron parameter', 244),
  column('ranks', 'Ranks', 64),
  column('copies', 'Copies', 68),
  column('stage', 'Stage', 60),
]);

/** How names are shortened in the widths that columns have. */
export interface NameRooms {
  /** Characters of a parameter's name and of the names that it comes from. */
  readonly name: number;
  readonly from: number;
  readonly longest: LongestNames;
}

/** The longest names of some rows, and of those that they come from. */
export type LongestNames = Readonly<Record<'name' | 'from', string>>;

export function longestNames(rows: readonly ParameterRow[]): LongestNames {
  return { name: longestOf(rows.map(({ name }) => name)), from: longestOf(rows.flatMap(({ from }) => from)) };
}

/**
 * What a cell shows. The table's own rows and cells would be kept for every row that was ever seen: half a gigabyte for a
 * hundred thousand.
 */
export const CELLS: Readonly<Record<SortKey, (row: ParameterRow, rooms: NameRooms) => ReactNode>> = {
  name: ({ name }, { name: room, longest }) => <Shortened text={name} short={shortName(name, room, longest.name)} />,
  shape: ({ shape }) => <span className="mono">{formatShape(shape)}</span>,
  dtype: ({ dtype }) => <span className="mono">{dtype}</span>,
  bytes: ({ bytes }) => formatBytes(bytes),
  rule: (row) => <TagMark row={row} />,
  from: ({ from }, { from: room, longest }) => (
    <Shortened text={from.join(', ')} short={shortNames(from, room, longest.from)} />
  ),
  ranks: ({ ranks }) => formatCount(ranks),
  copies: ({ copies }) => formatCount(copies),
  stage: ({ stage }) => stage,
};
