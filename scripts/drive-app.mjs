/**
 * Packages the app and runs a Node script that drives it (npm run bench:app, npm run pictures): node scripts/drive-app.mjs SCRIPT [ARG ...]
 */
import process from 'node:process';
import { desktopEnvironment, runWithDisplay } from './desktop.mjs';
import { mustRun, npm } from './run.mjs';

try {
  const env = await desktopEnvironment();
  await mustRun(...npm('run', '--silent', 'package'), { env });
  process.exitCode = await runWithDisplay(process.argv.slice(2), env);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
