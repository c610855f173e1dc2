/**
 * npm test: every check there is, one after the other, and at the end what failed and one line with the sum.
 * npm run test:e2e: the desktop app only (`node scripts/test.mjs e2e`).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { desktopEnvironment, runWithDisplay } from './desktop.mjs';
import { npm, run } from './run.mjs';
import { listedTests, playwrightOutcome, vitestOutcome } from './test-reports.mjs';

/** @typedef {import('./test-reports.mjs').Outcome} Outcome */

const RESULTS = 'test-results';
const require = createRequire(import.meta.url);
const playwright = join(dirname(require.resolve('@playwright/test/package.json')), 'cli.js');
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');

/** @param {string} title */
const announce = (title) => {
  console.log(`\n== ${title}`);
};

/** @param {string} what @returns {Outcome} */
const failed = (what) => ({ passed: 0, skipped: 0, failures: [what] });

/**
 * A step that has no tests to count: it counts when it fails.
 * @param {string} script
 * @param {Record<string, string>} [env]
 * @returns {Promise<Outcome>}
 */
async function check(script, env = {}) {
  announce(script);
  const code = await run(...npm('run', '--silent', script), { env });
  return code === 0 ? { passed: 0, skipped: 0, failures: [] } : failed(`npm run ${script}: exit code ${String(code)}`);
}

/**
 * What a runner's report says. A runner may also end with an error without a failed test (an unhandled rejection, no test found),
 * or without a report.
 * @template {Outcome} Report
 * @param {string} runner
 * @param {number} code
 * @param {() => Report} read
 * @returns {Report | Outcome}
 */
function outcomeOf(runner, code, read) {
  try {
    const outcome = read();
    if (code !== 0 && outcome.failures.length === 0) outcome.failures.push(`${runner}: exit code ${String(code)}`);
    return outcome;
  } catch (error) {
    return failed(`${runner} left no report (exit code ${String(code)}): ${String(error)}`);
  }
}

/** @returns {Promise<Outcome>} */
async function unitTests() {
  announce('unit and property tests');
  const file = join(RESULTS, 'unit.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const code = await run(process.execPath, [vitest, 'run', ...reporters]);
  return outcomeOf('vitest', code, () => vitestOutcome(file));
}

/**
 * The desktop app cannot run here. That must not look like success: on CI it is a failure, elsewhere it is said aloud.
 * @param {string} why
 * @returns {Outcome}
 */
function withoutDesktop(why) {
  const banner = '!'.repeat(100);
  console.error(`${banner}\nThe desktop app was NOT tested. ${why}\n${banner}`);
  if (process.env.CI !== undefined) return failed(`The desktop app was not tested. ${why}`);
  const list = execFileSync(process.execPath, [playwright, 'test', '--list', '--reporter=json'], { encoding: 'utf8' });
  return { passed: 0, skipped: listedTests(list), failures: [] };
}

/** @returns {Promise<Outcome>} */
async function desktopTests() {
  announce('desktop app');
  /** @type {Record<string, string>} */
  let env;
  try {
    env = await desktopEnvironment();
  } catch (error) {
    return withoutDesktop(error instanceof Error ? error.message : String(error));
  }
  const packaged = await check('package', env);
  if (packaged.failures.length > 0) return packaged;
  announce('desktop app: tests');
  const code = await runWithDisplay([playwright, 'test'], env);
  return outcomeOf('playwright', code, () => {
    const outcome = playwrightOutcome(join(RESULTS, 'e2e.json'));
    if (outcome.flaky.length > 0) console.error(`\nPassed only when tried again:\n\n${outcome.flaky.join('\n\n')}`);
    return outcome;
  });
}

/** The window's tests make their checkpoints with the command line. */
const build = () => check('build');

/** @type {(() => Promise<Outcome>)[]} */
const everything = [
  () => check('lint'),
  () => check('typecheck'),
  () => check('format:check'),
  build,
  () => check('check:kernels'),
  unitTests,
  desktopTests,
];

rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
/** @type {Outcome} */
const sum = { passed: 0, skipped: 0, failures: [] };
for (const step of process.argv[2] === 'e2e' ? [build, desktopTests] : everything) {
  const { passed, skipped, failures } = await step();
  sum.passed += passed;
  sum.skipped += skipped;
  sum.failures.push(...failures);
}
if (sum.failures.length > 0) console.error(`\nFailed:\n\n${sum.failures.join('\n\n')}`);
const skipped = sum.skipped === 0 ? '' : `, ${String(sum.skipped)} skipped`;
console.log(`\n${String(sum.passed)} passed, ${String(sum.failures.length)} failed${skipped}`);
process.exitCode = sum.failures.length === 0 ? 0 : 1;
