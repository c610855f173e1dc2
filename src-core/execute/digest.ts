import { createHash } from 'node:crypto';
import xxhash from 'xxhash-wasm';

/**
 * Digests of tensors, of the bytes as they are written. XXH64 finds accidental changes and runs at memory speed, so that it
 * is always on; SHA-256 also withstands intent and costs about as much as the copying itself.
 */
export const DIGESTS = ['xxh64', 'sha256'] as const;
export type DigestName = (typeof DIGESTS)[number];

export interface Digest {
  update(bytes: Uint8Array): void;
  /** Lower-case hexadecimal with its kind in front: `xxh64:…`. */
  finish(): string;
}

/** Loads what digests need (XXH64 is WebAssembly); the function it gives makes digests at once. */
export async function loadDigests(): Promise<(name: DigestName) => Digest> {
  const hashes = await xxhash();
  return (name) => {
    if (name === 'sha256') {
      const hash = createHash('sha256');
      return {
        update: (bytes) => void hash.update(bytes),
        finish: () => `sha256:${hash.digest('hex')}`,
      };
    }
    const hash = hashes.create64();
    return {
      update: (bytes) => void hash.update(bytes),
      finish: () => `xxh64:${hash.digest().toString(16).padStart(16, '0')}`,
    };
  };
}
