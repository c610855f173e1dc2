import fs from 'node:fs';
import zlib from 'node:zlib';
import { plannedTensorReads, type PlanTensor } from '../plan/plan.ts';
import { RunControl } from './control.ts';
import type { CopiedTensor, CopySettings } from './copy-tensors.ts';
import type { Digest, DigestName } from './digest.ts';

export interface Rereading {
  readonly settings: CopySettings;
  /** What is read at a time. */
  readonly buffer: Uint8Array;
  readonly makeDigest: (name: DigestName) => Digest;
}

/**
 * True if the bytes that stand where the tensor goes are those that an earlier run has written there. The bytes are asked and not the
 * file's length or time: after a power cut a file may be whole by both and hold zeros.
 */
export function isWritten(tensor: PlanTensor, before: CopiedTensor, fd: number, how: Rereading): boolean {
  const { settings, buffer, makeDigest } = how;
  if (settings.digest === null && !settings.crc32) return false;
  const digest = settings.digest && makeDigest(settings.digest);
  const control = new RunControl(settings.control);
  let crc32 = 0;
  for (let done = 0; done < tensor.byteLength;) {
    control.check();
    const wanted = Math.min(buffer.byteLength, tensor.byteLength - done);
    const length = fs.readSync(fd, buffer, 0, wanted, tensor.at + done);
    if (length === 0) return false;
    const bytes = buffer.subarray(0, length);
    digest?.update(bytes);
    if (settings.crc32) crc32 = zlib.crc32(bytes, crc32);
    done += length;
  }
  if (digest && digest.finish() !== before.digest) return false;
  if (settings.crc32 && crc32 !== before.crc32) return false;
  control.add(plannedTensorReads(tensor));
  return true;
}
