/** The corpus files that are made, by kind and name. Files that were found otherwise stand beside them. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeBases } from './kinds.ts';
import { archives } from './make/archives.ts';
import {
  adapterConfigFiles,
  configFiles,
  indexFiles,
  metadataFiles,
  modelConfigFiles,
  trnConfigFiles,
} from './make/documents.ts';
import { pickledMetadata, pickles, references, tensorInfos } from './make/pickles.ts';
import { adapterWeights, safetensorsFiles } from './make/safetensors.ts';

/** Every file as `kind/name`, with its bytes; the same every time. `bases` is what {@link makeBases} made. */
export function madeFiles(bases: string): Map<string, Uint8Array> {
  const kinds = {
    torch: archives,
    pickle: pickles,
    xser: references,
    'xser-info': tensorInfos,
    metadata: metadataFiles(bases),
    'pickled-metadata': pickledMetadata,
    config: configFiles(bases),
    'model-config': modelConfigFiles(bases),
    'trn-config': trnConfigFiles(bases),
    'adapter-config': adapterConfigFiles(bases),
    safetensors: safetensorsFiles,
    'adapter-weights': adapterWeights,
    index: indexFiles(),
  };
  return new Map(
    Object.entries(kinds).flatMap(([kind, files]) =>
      Object.entries(files).map(([name, bytes]) => [`${kind}/${name}`, bytes] as const),
    ),
  );
}

/** Writes them below `folder`; what else stands there is left alone. */
export async function writeMadeFiles(folder: string): Promise<number> {
  const bases = fs.mkdtempSync(path.join(os.tmpdir(), 'shardloom-bases-'));
  try {
    await makeBases(bases);
    const files = madeFiles(bases);
    for (const [name, bytes] of files) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), bytes);
    }
    return files.size;
  } finally {
    fs.rmSync(bases, { recursive: true, force: true });
  }
}
