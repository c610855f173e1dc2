/**
 * npm run audit: asks the registry whether any package has a known hole, and whether each is what its author signed. Ends
 * with 1 where something was found, and with 2 where the registry did not answer: that is no result, and must not look like one.
 * What can be said without the registry is in test/dependencies.test.ts, which always runs.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { npm } from './run.mjs';

/**
 * @param {...string} args
 * @returns {any} what npm reports as JSON; `error` or `message` in it says why it could not.
 */
function ask(...args) {
  const { stdout } = spawnSync(...npm(...args, '--json'), { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  try {
    return JSON.parse(stdout);
  } catch {
    return { message: 'npm gave no report' };
  }
}

/** @param {any} report */
const reasonOf = (report) => report.message ?? report.error?.summary ?? 'npm gave no report';

/** @typedef {'sound' | 'found' | 'not asked'} Verdict */

/** @returns {Verdict} */
function knownHoles() {
  const report = ask('audit', '--audit-level=moderate');
  if (!report.vulnerabilities) {
    console.error(`Known holes: NOT looked up. ${reasonOf(report)}`);
    return 'not asked';
  }
  const bad = Object.values(report.vulnerabilities).filter(({ severity }) => severity !== 'info' && severity !== 'low');
  for (const { name, severity, range } of bad) console.error(`  ${name} ${range}: ${severity}`);
  console.log(`Known holes: ${bad.length === 0 ? 'none' : String(bad.length)} of moderate severity or worse.`);
  return bad.length === 0 ? 'sound' : 'found';
}

/** @returns {Verdict} */
function signatures() {
  const report = ask('audit', 'signatures');
  if (!report.invalid || !report.missing) {
    console.error(`Signatures: NOT checked. ${reasonOf(report)}`);
    return 'not asked';
  }
  const bad = [...report.invalid, ...report.missing];
  for (const { name, version } of bad) console.error(`  ${name} ${version}`);
  console.log(`Signatures: ${bad.length === 0 ? 'all good' : `${String(bad.length)} wrong or missing`}.`);
  return bad.length === 0 ? 'sound' : 'found';
}

const verdicts = [knownHoles(), signatures()];
process.exitCode = verdicts.includes('found') ? 1 : verdicts.includes('not asked') ? 2 : 0;
