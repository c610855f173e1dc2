/**
 * npm test: every check there is, one after the other, and at the end one line with the sum.
 * npm run test:e2e: the desktop app only (`node scripts/test.mjs e2e`).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { desktopEnvironment, runWithDisplay } from './desktop.mjs';
import { run } from './run.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const RESULTS = 'test-results';
const playwright = join(dirname(createRequire(import.meta.url).resolve('@playwright/test/package.json')), 'cli.js');

/** @param {string} title */
const announce = (title) => {
  console.log(`\n== ${title}`);
};

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/**
 * A step that has no tests to count: it counts when it fails.
 * @param {string} script
 * @param {Record<string, string>} [env]
 * @returns {Promise<Counts>}
 */
async function check(script, env = {}) {
  announce(script);
  const code = await run('npm', ['run', '--silent', script], { env });
  if (code !== 0) console.error(`${script} failed.`);
  return { passed: 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/**
 * A runner may end with an error without a failed test (an unhandled rejection, no test found). That is a failure too.
 * @param {Counts} counts
 * @param {number} code
 */
const withExitCode = (counts, code) => (code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts);

/** @returns {Promise<Counts>} */
async function unitTests() {
  announce('unit and property tests');
  const file = join(RESULTS, 'unit.json');
  const code = await run('npx', [
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]);
  try {
    const report = readJson(file);
    // A file that cannot be loaded has no tests in the report, but fails.
    const brokenFiles = report.testResults.filter(
      (/** @type {{ status: string, assertionResults: unknown[] }} */ result) =>
        result.status === 'failed' && result.assertionResults.length === 0,
    );
    const failed = report.numFailedTests + brokenFiles.length;
    const skipped = report.numPendingTests + report.numTodoTests;
    return withExitCode({ passed: report.numPassedTests, failed, skipped }, code);
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/**
 * The desktop app cannot run here. That must not look like success: on CI it is a failure, elsewhere it is said aloud.
 * @param {string} why
 * @returns {Counts}
 */
function withoutDesktop(why) {
  const banner = '!'.repeat(100);
  console.error(`${banner}\nThe desktop app was NOT tested. ${why}\n${banner}`);
  if (process.env.CI !== undefined) return { passed: 0, failed: 1, skipped: 0 };
  const list = execFileSync(process.execPath, [playwright, 'test', '--list', '--reporter=json'], { encoding: 'utf8' });
  return { passed: 0, failed: 0, skipped: countTests(JSON.parse(list).suites) };
}

/**
 * @param {{ specs?: { tests: unknown[] }[], suites?: any[] }[]} suites
 * @returns {number}
 */
function countTests(suites) {
  return suites.reduce(
    (sum, suite) =>
      sum + (suite.specs ?? []).reduce((count, spec) => count + spec.tests.length, 0) + countTests(suite.suites ?? []),
    0,
  );
}

/** @returns {Promise<Counts>} */
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
  if (packaged.failed > 0) return packaged;
  announce('desktop app: tests');
  const code = await runWithDisplay([playwright, 'test'], env);
  try {
    const { stats } = readJson(join(RESULTS, 'e2e.json'));
    if (stats.flaky > 0) console.error(`${String(stats.flaky)} passed only when they were tried again: see above.`);
    const counts = { passed: stats.expected + stats.flaky, failed: stats.unexpected, skipped: stats.skipped };
    return withExitCode(counts, code);
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** @type {(() => Promise<Counts>)[]} */
const everything = [
  () => check('lint'),
  () => check('typecheck'),
  () => check('format:check'),
  () => check('build'),
  () => check('check:kernels'),
  unitTests,
  desktopTests,
];

rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const step of process.argv[2] === 'e2e' ? [desktopTests] : everything) {
  const counts = await step();
  sum.passed += counts.passed;
  sum.failed += counts.failed;
  sum.skipped += counts.skipped;
}
const skipped = sum.skipped === 0 ? '' : `, ${String(sum.skipped)} skipped`;
console.log(`\n${String(sum.passed)} passed, ${String(sum.failed)} failed${skipped}`);
process.exitCode = sum.failed === 0 ? 0 : 1;
