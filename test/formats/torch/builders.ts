/** Archives and pickles put together byte by byte, right or wrong. */

/**
 * A member of a hand-made archive. What is not given is as torch.save writes it; `local…` belongs to its own header.
 */
export interface MemberSpec {
  readonly name: string;
  readonly data: Uint8Array;
  readonly localName?: string;
  readonly method?: number;
  readonly localMethod?: number;
  readonly flags?: number;
  readonly localFlags?: number;
  readonly size?: number;
  readonly storedSize?: number;
  readonly headerAt?: number;
  readonly disk?: number;
  readonly localExtra?: Uint8Array;
  readonly extra?: Uint8Array;
}

/** Deviations of the end records. */
export interface EndSpec {
  readonly comment?: Uint8Array;
  readonly entries?: number;
  readonly entriesHere?: number;
  readonly disk?: number;
  readonly directoryBytes?: number;
  readonly directoryAt?: number;
  /** Writes zip64 end records too, with these deviations. */
  readonly zip64?: {
    readonly entries?: number;
    readonly directoryAt?: number;
    readonly recordAt?: number;
    disks?: number;
  };
  /** Bytes between the directory and the end records. */
  readonly gap?: Uint8Array;
}

/** A zip archive. */
export function zip(members: readonly MemberSpec[], end: EndSpec = {}): Buffer {
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const member of members) {
    const local = localHeader(member);
    entries.push(directoryEntry(member, at));
    parts.push(local, Buffer.from(member.data));
    at += local.length + member.data.length;
  }
  const directory = Buffer.concat(entries);
  return Buffer.concat([
    ...parts,
    directory,
    end.gap ?? Buffer.alloc(0),
    endRecords(members.length, at, directory, end),
  ]);
}

function localHeader({ name, localName, localFlags, localMethod, localExtra, flags, method }: MemberSpec): Buffer {
  const encoded = Buffer.from(localName ?? name);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(localFlags ?? flags ?? 0x808, 6);
  header.writeUInt16LE(localMethod ?? method ?? 0, 8);
  header.writeUInt16LE(encoded.length, 26);
  header.writeUInt16LE(localExtra?.length ?? 0, 28);
  return Buffer.concat([header, encoded, localExtra ?? Buffer.alloc(0)]);
}

function directoryEntry(member: MemberSpec, at: number): Buffer {
  const encoded = Buffer.from(member.name);
  const extra = member.extra ?? Buffer.alloc(0);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(member.flags ?? 0x808, 8);
  entry.writeUInt16LE(member.method ?? 0, 10);
  entry.writeUInt32LE(member.storedSize ?? member.size ?? member.data.length, 20);
  entry.writeUInt32LE(member.size ?? member.data.length, 24);
  entry.writeUInt16LE(encoded.length, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt16LE(member.disk ?? 0, 34);
  entry.writeUInt32LE(member.headerAt ?? at, 42);
  return Buffer.concat([entry, encoded, extra]);
}

function endRecords(count: number, at: number, directory: Buffer, end: EndSpec): Buffer {
  const comment = end.comment ?? Buffer.alloc(0);
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(end.disk ?? 0, 4);
  record.writeUInt16LE(end.disk ?? 0, 6);
  record.writeUInt16LE(end.entriesHere ?? end.entries ?? count, 8);
  record.writeUInt16LE(end.entries ?? count, 10);
  record.writeUInt32LE(end.directoryBytes ?? directory.length, 12);
  record.writeUInt32LE(end.directoryAt ?? at, 16);
  record.writeUInt16LE(comment.length, 20);
  if (end.zip64 === undefined) return Buffer.concat([record, comment]);
  const long = Buffer.alloc(76);
  long.writeUInt32LE(0x06064b50, 0);
  long.writeUInt32LE(44, 4);
  long.writeBigUInt64LE(BigInt(end.zip64.entries ?? count), 24);
  long.writeBigUInt64LE(BigInt(end.zip64.entries ?? count), 32);
  long.writeBigUInt64LE(BigInt(directory.length), 40);
  long.writeBigUInt64LE(BigInt(end.zip64.directoryAt ?? at), 48);
  long.writeUInt32LE(0x07064b50, 56);
  long.writeBigUInt64LE(BigInt(end.zip64.recordAt ?? at + directory.length), 64);
  long.writeUInt32LE(end.zip64.disks ?? 1, 72);
  return Buffer.concat([long, record, comment]);
}

/** Opcodes: bytes as numbers, text as it is. */
export type Part = number | string | Uint8Array;

/** A pickle from opcodes; the protocol and the stop sign are put around. */
export function pickle(...parts: readonly Part[]): Buffer {
  return Buffer.concat([Buffer.from([0x80, 2]), opcodes(...parts), Buffer.from('.')]);
}

export function opcodes(...parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))));
}

/** BINUNICODE. */
export function text(value: string): Buffer {
  const encoded = Buffer.from(value);
  const length = Buffer.alloc(5);
  length[0] = 0x58;
  length.writeUInt32LE(encoded.length, 1);
  return Buffer.concat([length, encoded]);
}

/** The shortest opcode for an integer; above 32 bits LONG1 with eight bytes. */
export function integer(value: number): Buffer {
  if (value >= 0 && value < 256) return Buffer.from([0x4b, value]);
  if (value >= -(2 ** 31) && value < 2 ** 31) {
    const bytes = Buffer.alloc(5);
    bytes[0] = 0x4a;
    bytes.writeInt32LE(value, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(10);
  bytes[0] = 0x8a;
  bytes[1] = 8;
  bytes.writeBigInt64LE(BigInt(value), 2);
  return bytes;
}

/** GLOBAL. */
export function global(module: string, name: string): Buffer {
  return Buffer.from(`c${module}\n${name}\n`);
}

export function tuple(...items: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]);
}

/** A storage by its persistent id. */
export function storage(kind: string, key: string, count: number): Buffer {
  const [module, name] = kind === 'UntypedStorage' ? ['torch.storage', kind] : ['torch', kind];
  return opcodes(tuple(text('storage'), global(module, name), text(key), text('cpu'), integer(count)), 'Q');
}

export interface TensorParts {
  readonly kind?: string;
  readonly key?: string;
  readonly count?: number;
  readonly offset?: number;
  readonly size: readonly number[];
  readonly stride: readonly number[];
  /** Makes it `_rebuild_tensor_v3` with this dtype. */
  readonly dtype?: string;
  /** More arguments at the end, as opcodes. */
  readonly more?: readonly Uint8Array[];
}

export const HOOKS = opcodes(global('collections', 'OrderedDict'), ')', 'R');

/** A call of `_rebuild_tensor_v2` or `_v3`. */
export function tensor(parts: TensorParts): Buffer {
  const { kind = 'FloatStorage', key = '0', count = 4, offset = 0, size, stride, dtype, more = [] } = parts;
  return opcodes(
    global('torch._utils', dtype === undefined ? '_rebuild_tensor_v2' : '_rebuild_tensor_v3'),
    tuple(
      storage(kind, key, count),
      integer(offset),
      tuple(...size.map(integer)),
      tuple(...stride.map(integer)),
      Buffer.from([0x89]),
      HOOKS,
      ...(dtype === undefined ? [] : [global('torch', dtype)]),
      ...more,
    ),
    'R',
  );
}

/** An archive as torch.save lays it out: the pickle, then storages by key. */
export function archive(
  data: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  more: MemberSpec[] = [],
) {
  return zip([
    { name: 'root/data.pkl', data },
    ...more,
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `root/data/${key}`, data: bytes })),
    { name: 'root/version', data: Buffer.from('3\n') },
  ]);
}
