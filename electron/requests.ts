import { DIGESTS, DTYPES, isPartName, type DType, type PartName, type Problem } from '../src-core/app-door.ts';
import { z } from 'zod';
import type { RequestChannel, Requests } from './channels.ts';

/** Longest path or text that a page may send. The largest is a copied table of 100,000 rows. */
const MAX_PATH = 32_768;
/** Axes of a tensor: torch itself stops at 64. */
const MAX_AXES = 64;
const MAX_TEXT = 256 * 1024 * 1024;

const id = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const folder = z.string().min(1).max(MAX_PATH);
const part = z.custom<PartName>((value) => typeof value === 'string' && isPartName(value), 'model or adapter:<name>');
const offset = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const limit = z.number().int().min(1).max(10_000);

const name = z.string().max(MAX_PATH);
const position = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const length = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const index = z.array(position).max(MAX_AXES);
const rank = z.strictObject({ tp: position, pp: position });
const parameter = z.strictObject({ checkpoint: id, part, name });
const target = z.strictObject({ part, name, rank: rank.nullable() });
const slice = z.strictObject({
  leading: index,
  row: position,
  column: position,
  rows: length,
  columns: length,
});
const tensor = z.strictObject({ checkpoint: id, target });
/** Pixels of a picture along one side. */
const side = z.number().int().min(1).max(4096);
const picture = { slice, width: side, height: side, firstOnly: z.boolean() };
const difference = z.strictObject({ job: id, name });

export const choices = z.strictObject({
  format: z.enum(['safetensors', 'pytorch']),
  maxShardBytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  dtype: z.enum(DTYPES as readonly [DType, ...DType[]]).nullable(),
  digest: z.enum(DIGESTS),
  parts: z.array(part).min(1).max(10_000),
  replace: z.boolean(),
  verify: z.boolean(),
});
const consolidation = z.strictObject({ checkpoint: id, out: folder, choices });

const size = z.number().int().min(1).max(100_000);
export const sharding = z.strictObject({
  from: z.enum(['hugging-face', 'checkpoint']),
  folder,
  out: folder,
  sizes: z.strictObject({
    tensorParallelSize: size,
    pipelineParallelSize: size,
    // Jobs that an earlier version has stored know no virtual stages.
    virtualPipelineParallelSize: size.default(1),
    kvSizeMultiplier: size.nullable(),
    fuseQkv: z.boolean(),
    xser: z.boolean(),
  }),
  config: folder.nullable(),
  replace: z.boolean(),
});

const adapter = z.strictObject({ checkpoint: id, part });
export const merging = z.strictObject({
  checkpoint: id,
  base: folder.nullable(),
  adapters: z
    .array(z.strictObject({ name: name.min(1), weight: z.number() }))
    .min(1)
    .max(1000),
  out: folder,
  dtype: z.enum(DTYPES as readonly [DType, ...DType[]]).nullable(),
  replace: z.boolean(),
});

const text = z.string().max(MAX_PATH);
/** A problem that the page shows, as it came from the main process or from its own code. */
const problem: z.ZodType<Problem> = z.strictObject({
  tag: z.custom<Problem['tag']>((value) => typeof value === 'string' && value.length < 100),
  what: text,
  file: text.exactOptional(),
  isFolder: z.boolean().exactOptional(),
  checkpoints: z.array(folder).max(1000).exactOptional(),
  tensor: text.exactOptional(),
  found: text.exactOptional(),
  expected: text.exactOptional(),
  advice: text.exactOptional(),
});
const diagnosticsAbout = z.strictObject({ job: id.nullable(), problem: problem.nullable() });

type Schemas = { readonly [Channel in RequestChannel]: z.ZodType<Parameters<Requests[Channel]>> };

/** What the arguments of each request look like. A page that sends anything else is refused before anything is done. */
export const requestSchemas: Schemas = {
  'app:start': z.tuple([]),
  'app:change-settings': z.tuple([z.strictObject({ theme: z.enum(['system', 'light', 'dark']).exactOptional() })]),
  'app:copy-text': z.tuple([z.string().max(MAX_TEXT)]),
  'app:dismiss-trouble': z.tuple([]),
  'diagnostics:outline': z.tuple([diagnosticsAbout]),
  'diagnostics:export': z.tuple([diagnosticsAbout.extend({ shortenPaths: z.boolean() })]),
  'diagnostics:reveal': z.tuple([]),
  'checkpoint:choose': z.tuple([]),
  'checkpoint:open-dropped': z.tuple([folder]),
  'checkpoint:open-recent': z.tuple([folder]),
  'checkpoint:forget-recent': z.tuple([folder]),
  'checkpoint:open-sample': z.tuple([]),
  'checkpoint:reopen': z.tuple([id]),
  'checkpoint:close': z.tuple([id]),
  'checkpoint:parameters': z.tuple([z.strictObject({ checkpoint: id, offset, limit })]),
  'checkpoint:parameter': z.tuple([parameter]),
  'checkpoint:layout': z.tuple([parameter]),
  'checkpoint:lineage': z.tuple([parameter.extend({ index })]),
  'checkpoint:rank': z.tuple([z.strictObject({ checkpoint: id, part, rank })]),
  'tensor:values': z.tuple([tensor.extend({ slice })]),
  'tensor:heatmap': z.tuple([tensor.extend(picture)]),
  'tensor:statistics': z.tuple([tensor]),
  'tensor:descendants': z.tuple([tensor.extend({ index })]),
  'checkpoint:reveal': z.tuple([z.strictObject({ checkpoint: id, file: folder.exactOptional() })]),
  'consolidation:choose-output': z.tuple([id]),
  'consolidation:preview': z.tuple([consolidation]),
  'consolidation:start': z.tuple([consolidation]),
  'sharding:from-checkpoint': z.tuple([id]),
  'sharding:choose-source': z.tuple([]),
  'sharding:preview': z.tuple([sharding]),
  'sharding:start': z.tuple([sharding]),
  'adapter:detail': z.tuple([adapter]),
  'adapter:norms': z.tuple([adapter]),
  'merge:suggest': z.tuple([id]),
  'merge:preview': z.tuple([merging]),
  'merge:start': z.tuple([merging]),
  'diff:start': z.tuple([z.strictObject({ left: folder, right: folder })]),
  'diff:rows': z.tuple([z.strictObject({ job: id, offset, limit })]),
  'diff:placement': z.tuple([difference]),
  'diff:heatmap': z.tuple([difference.extend(picture)]),
  'diff:report': z.tuple([id]),
  'folder:choose': z.tuple([z.enum(['output', 'base-model', 'weights'])]),
  'replicas:start': z.tuple([id]),
  'replicas:result': z.tuple([id]),
  'job:list': z.tuple([]),
  'job:cancel': z.tuple([id]),
  'job:dismiss': z.tuple([id]),
  'job:retry': z.tuple([id]),
  'job:reveal': z.tuple([id]),
  'job:digests': z.tuple([z.strictObject({ job: id, offset, limit })]),
};
