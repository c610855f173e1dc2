import fc from 'fast-check';
import { Random } from '../fuzz/random.ts';

/** The seed of this run of the tests, which scripts/vitest-setup.ts has chosen and printed. */
const SEED = Number(process.env.SHARDLOOM_TEST_SEED);

// Properties that fail name the seed and the path to the smallest example.
fc.configureGlobal({ seed: SEED });

/** Random numbers for a test: the same in every run with the same seed. */
export function seededRandom(): Random {
  return new Random(SEED);
}
