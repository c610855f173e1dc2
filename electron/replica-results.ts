import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { ReplicaCheck } from '../src-core/app-door.ts';
import type { KeptReplicaCheck } from './channels.ts';
import { log } from './log.ts';
import { replaceFile } from './replace-file.ts';

/** Checks that are kept; the oldest go first. */
const MAX_KEPT = 50;

/** Of a check only what says that it is one: the file is our own, and a damaged one is as good as none. */
const schema = z.object({
  checkedAt: z.number(),
  check: z.custom<ReplicaCheck>(
    (value) => z.object({ replicas: z.array(z.unknown()), compared: z.number() }).safeParse(value).success,
  ),
});

/** Results of replica checks, a file for each state of a checkpoint on disk. */
export class ReplicaResults {
  readonly #folder: string;

  constructor(userData: string) {
    this.#folder = path.join(userData, 'replica-checks');
  }

  /** What was found while the checkpoint was as it is now; null if it was never checked so. */
  load(fingerprint: string): KeptReplicaCheck | null {
    try {
      const parsed = schema.safeParse(JSON.parse(fs.readFileSync(this.#fileOf(fingerprint), 'utf8')));
      return parsed.success ? parsed.data : null;
    } catch {
      return null;
    }
  }

  save(fingerprint: string, check: ReplicaCheck): void {
    try {
      const kept: KeptReplicaCheck = { checkedAt: Date.now(), check };
      replaceFile(this.#fileOf(fingerprint), JSON.stringify(kept));
      this.#forgetOldest();
    } catch (error) {
      // As with the app's state: a full disk only makes it forget.
      log.warn('The result of a replica check could not be kept.', error);
    }
  }

  #fileOf(fingerprint: string): string {
    return path.join(this.#folder, `${fingerprint}.json`);
  }

  #forgetOldest(): void {
    const files = fs.readdirSync(this.#folder).map((name) => path.join(this.#folder, name));
    const byAge = files.map((file) => ({ file, at: fs.statSync(file).mtimeMs })).sort((a, b) => b.at - a.at);
    for (const { file } of byAge.slice(MAX_KEPT)) fs.rmSync(file, { force: true });
  }
}
