/**
 * Loaded into the command line with `--import`, before its own code: the n-th call of some functions of node:fs does something else.
 * SHARDLOOM_FAULT says what (see Fault in faults.ts). Each thread counts for itself.
 */
import { appendFileSync } from 'node:fs';
import fs from 'node:fs';
import process from 'node:process';
import vm from 'node:vm';
import { isMainThread } from 'node:worker_threads';

/** @type {{ thread: 'main' | 'worker', calls: string[], at: number, code: string, every?: boolean, counted?: string }} */
const { thread, calls, at, code, every, counted } = JSON.parse(process.env.SHARDLOOM_FAULT ?? 'null');

if (isMainThread === (thread === 'main')) {
  const own = /** @type {any} */ (fs);
  let made = 0;
  for (const name of calls) {
    const real = own[name];
    own[name] = (/** @type {any[]} */ ...args) => {
      // Before the call: what a process does not come to do any more is not done.
      if (++made === at || every) vm.runInNewContext(code, { fs, process, args, Error, Object });
      return real.apply(fs, args);
    };
  }
  if (counted !== undefined) process.once('exit', () => appendFileSync(counted, String(made)));
}
