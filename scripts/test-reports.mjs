/** What the test runners' JSON reports say: how many tests passed, and which failed with what. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';

/** @typedef {{ passed: number, skipped: number, failures: string[] }} Outcome */

/** Lines of a message that are told again at the end; the log has the rest. */
const MAX_LINES = 40;

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/**
 * @param {string} name
 * @param {string} message
 */
function failure(name, message) {
  const lines = stripVTControlCharacters(message).split('\n').slice(0, MAX_LINES);
  return [name, ...lines.map((line) => `    ${line}`)].join('\n');
}

/**
 * The tests of a JSON report of Vitest.
 * @param {string} file
 * @returns {Outcome}
 */
export function vitestOutcome(file) {
  const report = readJson(file);
  const failures = [];
  for (const { name, status, message, assertionResults } of report.testResults) {
    const where = relative(process.cwd(), name);
    // A file may fail without a test that fails: it cannot be loaded, holds no test, or a hook throws.
    const hasFailedTest = assertionResults.some((/** @type {{ status: string }} */ test) => test.status === 'failed');
    if (status === 'failed' && !hasFailedTest) failures.push(failure(where, message || 'failed outside its tests'));
    for (const { fullName, status: ended, failureMessages } of assertionResults) {
      if (ended === 'failed') failures.push(failure(`${where} › ${fullName}`, failureMessages.join('\n')));
    }
  }
  return { passed: report.numPassedTests, skipped: report.numPendingTests + report.numTodoTests, failures };
}

/**
 * @typedef {{ title: string, file: string, line: number, tests: {
 *   status: 'expected' | 'unexpected' | 'flaky' | 'skipped', results: { errors: { message?: string }[] }[] }[] }} Spec
 * @typedef {{ specs?: Spec[], suites?: Suite[] }} Suite
 */

/**
 * @param {Suite[]} suites
 * @returns {Spec[]}
 */
const specsOf = (suites) => suites.flatMap((suite) => [...(suite.specs ?? []), ...specsOf(suite.suites ?? [])]);

/**
 * The tests of a JSON report of Playwright, and which passed only when they were tried again.
 * @param {string} file
 * @returns {Outcome & { flaky: string[] }}
 */
export function playwrightOutcome(file) {
  const { suites, stats } = readJson(file);
  /** @param {string} status */
  const withStatus = (status) =>
    specsOf(suites).flatMap(({ title, file: where, line, tests }) =>
      tests
        .filter((test) => test.status === status)
        .map(({ results }) => {
          const messages = results.flatMap(({ errors }) => errors.map(({ message }) => message ?? ''));
          return failure(`e2e/${where}:${String(line)} › ${title}`, messages.join('\n'));
        }),
    );
  return {
    passed: stats.expected + stats.flaky,
    skipped: stats.skipped,
    failures: withStatus('unexpected'),
    flaky: withStatus('flaky'),
  };
}

/** @param {string} json Playwright's list of tests. @returns {number} */
export const listedTests = (json) => specsOf(JSON.parse(json).suites).reduce((sum, { tests }) => sum + tests.length, 0);
