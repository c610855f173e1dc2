import {
  columnResizingFeature,
  columnSizingFeature,
  columnVisibilityFeature,
  createColumnHelper,
  tableFeatures,
} from '@tanstack/react-table';
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

export const columns = helper.columns([
  helper.accessor('name', {
    id: 'name',
    header: 'Parameter',
    size: 380,
    enableHiding: false,
    cell: ({ getValue }) => <MiddleName text={getValue()} tail={28} className="mono" />,
  }),
  helper.accessor('shape', {
    id: 'shape',
    header: 'Shape',
    size: 120,
    cell: ({ getValue }) => <span className="mono">{formatShape(getValue())}</span>,
  }),
  helper.accessor('dtype', {
    id: 'dtype',
    header: 'Dtype',
    size: 64,
    cell: ({ getValue }) => <span className="mono">{getValue()}</span>,
  }),
  helper.accessor('bytes', { id: 'bytes', header: 'Size', size: 84, cell: ({ getValue }) => formatBytes(getValue()) }),
  helper.accessor('transformation', {
    id: 'rule',
    header: 'What was done',
    size: 152,
    cell: ({ row }) => <TagMark row={row.original} />,
  }),
  helper.accessor('from', {
    id: 'from',
    header: 'From Neuron parameter',
    size: 320,
    cell: ({ getValue }) => <MiddleName text={getValue().join(', ')} tail={28} className="mono" />,
  }),
  helper.accessor('ranks', { id: 'ranks', header: 'Ranks', size: 68, cell: ({ getValue }) => formatCount(getValue()) }),
  helper.accessor('copies', {
    id: 'copies',
    header: 'Copies',
    size: 72,
    cell: ({ getValue }) => formatCount(getValue()),
  }),
  helper.accessor('stage', { id: 'stage', header: 'Stage', size: 64, cell: ({ getValue }) => getValue() }),
]);
