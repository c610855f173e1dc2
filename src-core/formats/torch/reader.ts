/**
 * Reads a file that torch.save wrote: what it holds, and where each tensor's bytes lie. No tensor is read. Follows
 * `torch/serialization.py` (`_load`) and `caffe2/serialize/inline_container.cc`.
 */
import type { ByteSource } from '../../bytes/source.ts';
import { MAX_PICKLE_BYTES } from '../../limits.ts';
import { fault, FETCH_AGAIN, SAVE_AGAIN } from './faults.ts';
import { readLegacyFile } from './legacy.ts';
import { checkSameType, parseStorageId, unitBytes } from './storages.ts';
import { unpickleWhole } from './unpickler.ts';
import type { PickleValue, TorchStorage } from './values.ts';
import { TailWindow } from './zip-tail.ts';
import { ZipArchive } from './zip.ts';
import { formatBytes, formatPlural } from '../../units.ts';

/** First bytes of a file that are looked at to tell what it is. */
const HEAD_BYTES = 64;

/** The name of an archive's pickle is `<root>/data.pkl`; the root is the file's name at the time of writing. */
const PICKLE_NAME = /^[^/]+\/data\.pkl$/;

/**
 * Reads a torch file of either format. Throws `cut-file` (empty, or its end is missing), `bad-archive` (something
 * else, or damaged), `bad-pickle`, `forbidden-pickle`, `over-limit`, `unsupported`.
 */
export function readTorchFile(source: ByteSource): PickleValue {
  const window = new TailWindow(source);
  const head = window.bytes(0, Math.min(source.size, HEAD_BYTES), 'The beginning of the file');
  switch (kindOfFile(head)) {
    case 'zip':
      return readArchive(window);
    case 'pickle':
      return readLegacyFile(source);
    case 'empty':
      throw fault('cut-file', source.name, 'The file is empty.', { expected: 'a file written by torch.save' });
    case 'pointer':
      throw fault('cut-file', source.name, 'This is a Git LFS pointer, not the file itself.', {
        found: `a text of ${formatBytes(source.size)}`,
        expected: 'a file written by torch.save',
        advice: 'Run "git lfs pull" in the repository to fetch the file.',
      });
    case 'safetensors':
      throw notTorch(source, 'a safetensors file', 'Give the file the ending .safetensors.');
    case 'tar':
      throw notTorch(source, 'a tar archive, as PyTorch wrote before version 0.1.10', SAVE_AGAIN);
    case 'unknown':
      throw notTorch(source, `bytes ${Buffer.from(head.subarray(0, 8)).toString('hex')}`, FETCH_AGAIN);
  }
}

type FileKind = 'zip' | 'pickle' | 'empty' | 'pointer' | 'safetensors' | 'tar' | 'unknown';

/** What a file is, from its first bytes (up to {@link HEAD_BYTES}). */
function kindOfFile(head: Uint8Array): FileKind {
  const text = Buffer.from(head).toString('latin1');
  if (head.length === 0) return 'empty';
  // "PK" then 3,4 for a member, 5,6 for an archive without any. A shorter prefix is one that was cut off.
  if (text.startsWith('PK\x03\x04'.slice(0, text.length)) || text.startsWith('PK\x05\x06')) return 'zip';
  if (head[0] === 0x80 && (head[1] ?? 2) <= 5) return 'pickle';
  if (text.startsWith('version https://git-lfs')) return 'pointer';
  // The header's length in eight bytes, then the header: a JSON object.
  if (text[8] === '{' && head[6] === 0 && head[7] === 0) return 'safetensors';
  if (/^(storages|tensors|pickle|sys_info)\0/.test(text)) return 'tar';
  return 'unknown';
}

function notTorch(source: ByteSource, found: string, advice: string): Error {
  return fault('bad-archive', source.name, 'This is not a file that torch.save wrote.', {
    found,
    expected: 'a zip archive or a pickle',
    advice,
  });
}

function readArchive(window: TailWindow): PickleValue {
  const file = window.source.name;
  const archive = ZipArchive.open(window);
  const pickles = [...archive.members.values()].filter((member) => PICKLE_NAME.test(member.name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    throw fault('bad-archive', file, 'The archive was not written by torch.save.', {
      found: `${pickles.length} members named data.pkl among ${archive.members.size}`,
      expected: 'one, inside the archive’s only folder',
      advice: SAVE_AGAIN,
    });
  }
  const root = pickle.name.slice(0, pickle.name.indexOf('/'));
  checkByteOrder(archive, root, file);
  const storages = new Map<string, TorchStorage>();
  return unpickleWhole(archive.read(pickle, MAX_PICKLE_BYTES), {
    file,
    storage: (id) => archiveStorage(archive, root, file, storages, id),
  });
}

/** Archives without the member are from before torch 2.1, which wrote little endian on every machine that matters. */
function checkByteOrder(archive: ZipArchive, root: string, file: string): void {
  const member = archive.members.get(`${root}/byteorder`);
  if (member === undefined) return;
  const order = Buffer.from(archive.read(member, HEAD_BYTES)).toString('latin1');
  if (order === 'little') return;
  throw fault('unsupported', file, 'The file was written on a machine with another byte order.', {
    found: `byte order "${order}"`,
    expected: '"little"',
    advice: 'Load the file with torch.load and save it again on an x86-64 or Arm machine.',
  });
}

function archiveStorage(
  archive: ZipArchive,
  root: string,
  file: string,
  storages: Map<string, TorchStorage>,
  id: readonly PickleValue[],
): TorchStorage {
  const { type, key, count, rest } = parseStorageId(id, file);
  const before = storages.get(key);
  if (before !== undefined) {
    checkSameType(file, key, before.type, type);
    checkCount(file, before, count);
    return before;
  }
  const member = archive.members.get(`${root}/data/${key}`);
  if (member === undefined || rest.length > 0) {
    throw fault('bad-archive', file, 'The archive lacks the data of a tensor.', {
      tensor: `storage "${key}"`,
      expected: `a member "${root}/data/${key}"`,
    });
  }
  const byteOffset = archive.dataOffset(member);
  const storage: TorchStorage = { kind: 'storage', key, type, byteOffset, byteLength: member.size };
  checkCount(file, storage, count);
  storages.set(key, storage);
  return storage;
}

/**
 * Tensors are checked against the bytes that are there; a pickle that claims others is not the one that belongs here.
 */
function checkCount(file: string, { key, type, byteLength }: TorchStorage, count: number): void {
  if (Math.floor(byteLength / unitBytes(type)) === count) return;
  throw fault('bad-archive', file, 'A storage does not have the length that the pickle says.', {
    tensor: `storage "${key}"`,
    found: formatPlural(byteLength, 'byte'),
    expected: `${count} elements of torch.${type.name}`,
  });
}
