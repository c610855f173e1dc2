/**
 * Every cap on what a file may ask of us, with its reason. A number from a file is checked against these and against the
 * file's real length before memory is taken for it.
 */

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** The safetensors reference library refuses larger headers (`MAX_HEADER_SIZE`), so no valid file has one. */
export const MAX_SAFETENSORS_HEADER_BYTES = 100_000_000;

/**
 * Bytes of a safetensors header for each value and name in it, at least. Real ones have nine, and the shortest tensor of two axes that
 * can be written has 53 bytes for its twelve: what fits under {@link MAX_SAFETENSORS_HEADER_BYTES} is read. A text of brackets has
 * one and a half, and would take fifty times its size in memory; a header takes ten times its own.
 */
export const MIN_SAFETENSORS_BYTES_PER_VALUE = 4;

/**
 * A pickle holds about 250 bytes per tensor; 64 MiB is a quarter of a million tensors in one rank file, far above real
 * checkpoints (a 405B model has about 1,200 per stage).
 */
export const MAX_PICKLE_BYTES = 64 * MiB;

/** Nesting of marks and containers in a pickle. Real state dicts nest about five deep. */
export const MAX_PICKLE_DEPTH = 1_000;

/** Longest integer of a pickle in bytes: sizes and offsets fit in 64 bits, the legacy magic number takes 10. */
export const MAX_PICKLE_LONG_BYTES = 16;

/**
 * What a pickle may build, counted in slots of memory (about 50 bytes each): one opcode of one byte can make an empty dict
 * of 200 bytes, so the pickle's length alone bounds nothing. A tensor takes about 60, so this is 70,000 tensors a file.
 */
export const MAX_PICKLE_SLOTS = 4_000_000;

/** Values that wait on an unpickler's stack. Python writes at most 1,000 entries of a dict at a time. */
export const MAX_PICKLE_STACK = 1_000_000;

/** Members of one archive. One member is one storage, so this allows as many tensors as {@link MAX_PICKLE_BYTES}. */
export const MAX_ARCHIVE_ENTRIES = 300_000;

/** A central directory record takes about 100 bytes per member with names as torch.save writes them. */
export const MAX_CENTRAL_DIRECTORY_BYTES = 64 * MiB;

/** Dimensions of a tensor: torch itself stops at 64. */
export const MAX_TENSOR_DIMENSIONS = 64;

/** `mp_metadata_pp_rank_*.json` has about 200 bytes per parameter; 64 MiB is more than {@link MAX_JSON_VALUES} allows. */
export const MAX_METADATA_BYTES = 64 * MiB;

/** config.json, trn_config.json, adapter_config.json, index files and the like. The largest seen are a few MB. */
export const MAX_JSON_BYTES = 64 * MiB;

/** Nesting of a JSON document. Real metadata nests seven deep, and what walks documents takes stack for each level. */
export const MAX_JSON_DEPTH = 500;

/**
 * Values and names of one JSON document, and of metadata that was pickled. A parameter takes about ten: this is 100,000 of them in one
 * file, and some 100 MB of memory. The header of a safetensors file may hold more where it is long enough for them.
 */
export const MAX_JSON_VALUES = 1_000_000;

/** Longest parameter or module name. Real ones stay below 200 characters. */
export const MAX_NAME_LENGTH = 4 * KiB;

/**
 * Steps of matching the regular expressions of one adapter config, all modules together: about 0.3 s of processor time. A config
 * that gives each linear of 80 layers a rank and an alpha by its full name takes a tenth of them, and so does one regular expression
 * that lists all those names.
 */
export const MAX_PATTERN_STEPS = 20_000_000;

/** Ranks in one parallel dimension; the largest Trainium clusters stay below 100,000 cores. */
export const MAX_RANKS = 100_000;

/** Ranks that hold one model, TP times PP: each is a cell of what is shown. TP 64 x PP 64 is a quarter of it. */
export const MAX_MODEL_RANKS = 16_384;

/** Layers that a config.json may name. The deepest models have a few hundred; each is described one by one, and that takes time. */
export const MAX_LAYERS = 2_000;

/**
 * Rows, columns, heads and the like of a model that is described, so that products of two stay exact. The largest vocabularies
 * have 300,000 entries.
 */
export const MAX_MODEL_DIMENSION = 2 ** 26;

/** Attention heads of one layer. The widest models have 256; a view has a region for each. */
export const MAX_HEADS = 65_536;

/** Files in one folder that is opened. A TP 64 x PP 64 xser checkpoint of a large model stays below. */
export const MAX_FOLDER_ENTRIES = 1_000_000;

/** Folders in one that is no checkpoint that are looked into for some. A run keeps a few; a home folder may have hundreds of others. */
export const MAX_FOLDERS_LOOKED_INTO = 1_000;

/** Regions of one view. A view has one for each contiguous run of heads per rank; 64 heads on 64 ranks are 4,096. */
export const MAX_VIEW_REGIONS = 1_000_000;

/**
 * Bytes that one worker copies at a time: small enough to stay in the processor's cache between reading and writing, large
 * enough that calls do not count. Three buffers of this size are what a worker holds, whatever the model's size.
 */
export const DEFAULT_BAND_BYTES = 2 * MiB;

/** A band below this would hold less than one element of some dtype and gains nothing. */
export const MIN_BAND_BYTES = 64;

/** Three bands must stay well inside the 4 GiB that a WebAssembly memory can address. */
export const MAX_BAND_BYTES = GiB;

/** Open files per worker. Below the 256 that macOS allows a process by default, whatever the number of workers. */
export const MAX_OPEN_FILES_PER_WORKER = 24;

/** Worker threads. More than this only wait for the disk. */
export const MAX_WORKERS = 64;

/** Tokenizer, config and chat template files that are copied beside the weights. */
export const MAX_SIDECAR_BYTES = 512 * MiB;

/** Regions of one parameter that are shown as a picture: more than this no screen can tell apart. */
export const MAX_DETAIL_REGIONS = 4096;

/** Blocks of a layout that are shown: 128 heads on 1,024 ranks with replicas stay below. */
export const MAX_LAYOUT_BLOCKS = 16_384;

/** Byte runs that a lineage lists for one piece: columns of a matrix have one run for each row. */
export const MAX_LINEAGE_RUNS = 1024;

/** Values that are shown as numbers at once: a screen full of a table is far below. */
export const MAX_SHOWN_VALUES = 65_536;

/** What a run notes of its tensors, about 200 bytes each: a million of them. A longer one is not continued. */
export const MAX_JOURNAL_BYTES = 256 * MiB;

/** How often a run shows that it is still there, for other runs into the same folder. */
export const OWNER_HEARTBEAT_MS = 5_000;

/** A run that has been silent for this long counts as killed: many heartbeats, so that a slow file server is not taken for death. */
export const OWNER_STALE_MS = 60_000;

/** Bytes of both matrices of a low-rank update, widened: rank 1,024 on a vocabulary of 128,000 stays below. */
export const MAX_OPERAND_BYTES = 2 * GiB;

/** Files that a diagnostics bundle lists: a TP 64 × PP 8 xser checkpoint has more, but what is wrong shows long before. */
export const MAX_LISTED_FILES = 20_000;
