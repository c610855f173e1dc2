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
import { MiddleName } from '../components/middle-name.tsx';
import type { SortKey } from './arrange.ts';
import { TagMark } from './tag-mark.tsx';

/** Sorting and grouping come before the table: it draws columns, their widths and which are shown. */
export const features = tableFeatures({ columnVisibilityFeature, columnSizingFeature, columnResizingFeature });

const helper = createColumnHelper<typeof features, ParameterRow>();

/** Columns whose values are numbers stand at the right. */
export const NUMERIC: ReadonlySet<SortKey> = new Set<SortKey>(['bytes', 'stage', 'ranks', 'copies']);

const column = (id: SortKey, header: string, size: number): ReturnType<typeof helper.display> =>
  helper.display({ id, header, size, enableHiding: id !== 'name' });

export const columns = helper.columns([
  column('name', 'Parameter', 380),
  column('shape', 'Shape', 120),
  column('dtype', 'Dtype', 64),
  column('bytes', 'Size', 84),
  column('rule', 'What was done', 152),
  column('from', 'From Neuron parameter', 320),
  column('ranks', 'Ranks', 68),
  column('copies', 'Copies', 72),
  column('stage', 'Stage', 64),
]);

/**
 * What a cell shows. The table's own rows and cells would be kept for every row that was ever seen: half a gigabyte for a
 * hundred thousand.
 */
export const CELLS: Readonly<Record<SortKey, (row: ParameterRow) => ReactNode>> = {
  name: ({ name }) => <MiddleName text={name} tail={28} className="mono" />,
  shape: ({ shape }) => <span className="mono">{formatShape(shape)}</span>,
  dtype: ({ dtype }) => <span className="mono">{dtype}</span>,
  bytes: ({ bytes }) => formatBytes(bytes),
  rule: (row) => <TagMark row={row} />,
  from: ({ from }) => <MiddleName text={from.join(', ')} tail={28} className="mono" />,
  ranks: ({ ranks }) => formatCount(ranks),
  copies: ({ copies }) => formatCount(copies),
  stage: ({ stage }) => stage,
};
