import { MAX_DETAIL_REGIONS } from '../limits.ts';
import type { PartName } from '../plan/part-name.ts';
import type { SpecMetadata, WeightCopy } from '../specs/spec.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { regionsOf, sourcesOf } from '../tensor/view.ts';
import { weightOf, type CheckpointPart } from './parts.ts';
import { parameterRow, type ParameterRow } from './parameters.ts';
import { transformationInWords } from './words.ts';

/** One original parameter whole: what it is made from, rank by rank, and how. */
export interface ParameterDetail {
  readonly row: ParameterRow;
  /** What is done to it, in sentences. */
  readonly words: readonly string[];
  /** The spec that makes it, with its fields as the metadata stores them. */
  readonly spec: { readonly name: string; readonly module: string; readonly fields: SpecMetadata } | null;
  /** Every stored tensor that is read, in the order of the ranks. */
  readonly sources: readonly StoredTensor[];
  /** Which box of which source fills which box of the parameter; the first {@link MAX_DETAIL_REGIONS}. */
  readonly regions: readonly DetailRegion[];
  readonly regionCount: number;
  /** Copies that must equal it, with the files that hold them. */
  readonly copies: readonly {
    readonly label: string;
    readonly mustAgree: boolean;
    readonly files: readonly string[];
  }[];
}

/** The box at `from` of a source fills the box at `at` of the parameter, both of size `size`, in elements. */
export interface DetailRegion {
  /** Index into the sources. */
  readonly source: number;
  readonly from: readonly number[];
  readonly at: readonly number[];
  readonly size: readonly number[];
}

/** One parameter of the mapping table with everything behind it. Reads no weights. */
export function parameterDetail(parts: readonly CheckpointPart[], part: PartName, name: string): ParameterDetail {
  const weight = weightOf(parts, part, name);
  const { view, by } = weight;
  const sources = sourcesOf(view).sort((a, b) => (a.rank?.tp ?? 0) - (b.rank?.tp ?? 0));
  const regions = regionsOf(view);
  const index = new Map(sources.map((source, position) => [source, position]));
  return {
    row: parameterRow(part, name, weight),
    words: transformationInWords(weight),
    spec: by ? { name: by.spec.name, module: by.moduleFullyQualifiedName, fields: by.spec.toMetadata() } : null,
    sources,
    regions: regions
      .slice(0, MAX_DETAIL_REGIONS)
      .map(({ source, from, at, size }) => ({ source: index.get(source)!, from, at, size })),
    regionCount: regions.length,
    copies: weight.copies.map(describeCopy),
  };
}

function describeCopy({ label, mustAgree, view }: WeightCopy): ParameterDetail['copies'][number] {
  return { label, mustAgree: mustAgree ?? false, files: [...new Set(sourcesOf(view).map(({ file }) => file))] };
}
