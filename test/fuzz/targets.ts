/** Formats in memory: what a file says must be the same when it is written and read again, and as others read it. */
import { isDeepStrictEqual } from 'node:util';
import { fromBuffer, type Entry } from 'yauzl';
import { MemorySource } from '../../src-core/bytes/source.ts';
import { layoutSafetensors, readSafetensors } from '../../src-core/formats/safetensors/index.ts';
import {
  isMetaTensor,
  isTensor,
  plainJsonOf,
  readTorchFile,
  singleTensorOf,
  stateDictOf,
  tensorInfoOf,
  type PickleValue,
  type TensorReference,
  type TorchTensor,
  type WritableEntry,
} from '../../src-core/formats/torch/index.ts';
import { ZipArchive } from '../../src-core/formats/torch/zip.ts';
import { TailWindow } from '../../src-core/formats/torch/zip-tail.ts';
import { archive } from '../formats/torch/builders.ts';
import { write } from '../formats/torch/writing.ts';
import { folderTargets } from './folder-targets.ts';
import { outcomeOf, type Target } from './loop.ts';
import { mutateArchive, mutateSafetensors } from './mutate-files.ts';
import { mutatePickle } from './mutate-pickle.ts';
import { corpusFiles, realFiles } from './seeds.ts';

const FILE = 'file.pt';
const STORAGE = Uint8Array.from({ length: 16 }, (_, index) => index);

function same(found: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(found, expected)) throw new Error(what);
}

/** Everything that a value of a torch file may be taken for. */
function takeValue(value: PickleValue): void {
  outcomeOf(() => plainJsonOf(value, FILE));
  outcomeOf(() => tensorInfoOf(value, FILE));
  outcomeOf(() => singleTensorOf(value, FILE));
  const weights = outcomeOf(() => stateDictOf(value, FILE));
  if (weights) rewritten(weights);
}

/** Weights written again and read again are the same weights. Tensors without data are read, and never written. */
function rewritten(saved: ReturnType<typeof stateDictOf>): void {
  const weights = new Map<string, TorchTensor | TensorReference>();
  for (const [name, entry] of saved) if (!isMetaTensor(entry)) weights.set(name, entry);
  if (weights.size === 0) return;
  const elements = [...weights.values()].map((entry) =>
    isTensor(entry) ? entry.shape.reduce((count, size) => count * size, 1) : 0,
  );
  // A stride of 0 makes tensors that are large when they are written out.
  if (elements.some((count) => count > 10_000)) return;
  const entries = [...weights].map(([name, entry]): [string, WritableEntry] => [
    name,
    isTensor(entry) ? { kind: 'tensor', dtype: entry.dtype, shape: entry.shape } : entry,
  ]);
  const { bytes } = write('root', new Map(entries));
  const again = stateDictOf(readTorchFile(new MemorySource(bytes, FILE)), FILE);
  const facts = (dict: typeof saved): unknown =>
    [...dict].map(([name, entry]) => {
      if (isTensor(entry)) return [name, entry.dtype, entry.shape];
      return [name, isMetaTensor(entry) ? 'no data' : entry.tid];
    });
  same(facts(again), facts(weights), 'weights that are written again are others');
}

function takeTorch(bytes: Uint8Array): void {
  const value = outcomeOf(() => readTorchFile(new MemorySource(bytes, FILE)));
  if (value !== null) takeValue(value);
}

/** What yauzl finds in an archive, or null where it refuses it. */
function secondOpinion(bytes: Uint8Array): Promise<[name: string, size: number][] | null> {
  return new Promise((resolve) => {
    const entries: [string, number][] = [];
    fromBuffer(Buffer.from(bytes), { lazyEntries: false, strictFileNames: true }, (error, file) => {
      if (error) return resolve(null);
      file.on('entry', ({ fileName, uncompressedSize }: Entry) => entries.push([fileName, uncompressedSize]));
      file.on('end', () => resolve(entries));
      file.on('error', () => resolve(null));
    });
  });
}

async function takeArchive(bytes: Uint8Array): Promise<void> {
  const members = outcomeOf(() => {
    const opened = ZipArchive.open(new TailWindow(new MemorySource(bytes, FILE)));
    for (const member of opened.members.values()) outcomeOf(() => opened.read(member, bytes.length));
    return [...opened.members.values()].map(({ name, size }) => [name, size] as const);
  });
  if (!members) return;
  const others = await secondOpinion(bytes);
  if (others) same([...members].sort(), others.sort(), 'yauzl finds other members');
}

function takeSafetensors(bytes: Uint8Array): void {
  const file = outcomeOf(() => readSafetensors(new MemorySource(bytes, FILE)));
  if (!file) return;
  const layout = outcomeOf(() => layoutSafetensors(file.tensors, file.metadata));
  if (!layout) return;
  const copy = Buffer.alloc(layout.size);
  for (const { at, bytes: piece } of layout.pieces) copy.set(piece, at);
  const again = readSafetensors(new MemorySource(copy, FILE));
  const facts = ({ tensors, metadata }: typeof file): unknown => [
    tensors.map(({ name, dtype, shape }) => JSON.stringify([name, dtype, shape])).sort(),
    [...metadata].sort(),
  ];
  same(facts(again), facts(file), 'a header that is written again is another');
}

/** All targets. `bases` are the valid folders of the attack corpus; `room` is a folder to work in. */
export function targetsIn(bases: string, room: string): Target[] {
  const archives = [...realFiles(/\.pt$/, bases), ...corpusFiles('torch')];
  return [
    {
      name: 'pickle',
      kind: 'pickle',
      extension: '.pkl',
      seeds: [...corpusFiles('pickle'), ...corpusFiles('xser-info'), ...corpusFiles('pickled-metadata')],
      mutate: mutatePickle,
      run: (input) => takeTorch(archive(input, { 0: STORAGE })),
    },
    { name: 'torch', kind: 'torch', extension: '.pt', seeds: archives, mutate: mutateArchive, run: takeTorch },
    { name: 'zip', kind: 'torch', extension: '.pt', seeds: archives, mutate: mutateArchive, run: takeArchive },
    {
      name: 'safetensors',
      kind: 'safetensors',
      extension: '.safetensors',
      seeds: [...realFiles(/\.safetensors$/, bases), ...corpusFiles('safetensors')],
      mutate: mutateSafetensors,
      run: takeSafetensors,
    },
    ...folderTargets(bases, room),
  ];
}
