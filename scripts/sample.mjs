/**
 * npm run sample: the main job on a checkpoint that the project makes itself. Makes a small sharded Llama checkpoint,
 * looks at it and consolidates it with the command line, and compares the result with the weights it was made from. Then
 * starts the app, where there is a display.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';
import { needsVirtualDisplay } from './system-libraries.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist', 'cli.js');
const folder = join(root, 'sample-run');
const shown = (/** @type {string} */ path) => relative(process.cwd(), path) || '.';

/** @param {string[]} args */
function shardloom(...args) {
  console.log(`\n$ shardloom ${args.map(shown).join(' ')}`);
  const { status } = spawnSync(process.execPath, [cli, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync(folder, { recursive: true, force: true });
shardloom('sample', folder);
const checkpoint = join(folder, 'checkpoint');
const result = join(folder, 'consolidated');
shardloom('inspect', checkpoint);
shardloom('consolidate', checkpoint, result);

// Just built, so not known to the type checker.
const engine = await import(/** @type {string} */ ('../dist/index.js'));
const original = join(folder, 'original', 'model.safetensors');
const written = join(result, 'model.safetensors');

/**
 * The bytes of every tensor of a file, by name.
 * @param {string} file
 * @returns {Map<string, Uint8Array>}
 */
function tensorsOf(file) {
  /** @type {Map<string, unknown>} */
  const tensors = engine.weightsOfFile(file);
  const bytes = engine.readViews([...tensors.values()].map(engine.viewOf));
  return new Map([...tensors.keys()].map((name, index) => [name, bytes[index]]));
}

const [expected, found] = [tensorsOf(original), tensorsOf(written)];
const equal = [...expected].filter(
  ([name, bytes]) => Buffer.compare(found.get(name) ?? new Uint8Array(), bytes) === 0,
).length;
if (equal !== expected.size || found.size !== expected.size) {
  console.error(`Only ${equal} of ${expected.size} tensors equal the weights that the sample was made from.`);
  process.exit(1);
}
console.log(`
Proof: ${equal} of ${expected.size} tensors equal, byte for byte, the weights that the sample was made from.
  result    ${shown(written)}
  original  ${shown(original)}
  record    ${shown(join(result, 'shardloom.json'))}`);

if (needsVirtualDisplay()) {
  console.log(`
This machine has no display, so the window was not started. The command line does all that it does: node dist/cli.js --help
To see the window: run "npm start" on a machine with a display, or here after logging in with "ssh -X".`);
} else {
  console.log(`
Starting the window. "Try a sample" in it opens a checkpoint like this one; closing it ends this command.`);
  process.exitCode = await run(process.execPath, [fileURLToPath(new URL('./forge.mjs', import.meta.url)), 'start']);
}
