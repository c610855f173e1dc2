/**
 * npm run build:kernels: compiles src-core/kernels/*.as.ts (AssemblyScript) and writes each as base64 into
 * src-core/kernels/<name>.wasm.ts. The results are committed: they are small, and nobody needs the compiler to build the
 * engine. With --check nothing is written; it fails if what is committed is not what the sources give.
 */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const SOURCE = '.as.ts';
const OPTIONS = ['-O3', '--enable', 'simd', '--runtime', 'stub', '--importMemory', '--noColors'];
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join('src-core', 'kernels');

/** @param {string} name */
const camelCase = (name) => name.replace(/-+([a-z0-9])/g, (_, letter) => String(letter).toUpperCase());

/**
 * The generated file for one AssemblyScript source.
 * @param {string} name
 */
async function compile(name) {
  const source = join(folder, name + SOURCE);
  // Without bindings the compiler writes one file. It stays in memory.
  /** @type {Uint8Array | undefined} */
  let wasm;
  let diagnostics = '';
  const { error } = await asc.main([source, '--baseDir', root, '--outFile', 'out.wasm', ...OPTIONS], {
    writeFile: (file, contents) => {
      if (file === 'out.wasm' && contents instanceof Uint8Array) wasm = contents;
    },
    stderr: {
      write: (chunk) => {
        diagnostics += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
      },
    },
  });
  if (error !== null || wasm === undefined) {
    throw new Error(`${source} does not compile.\n${diagnostics}`, { cause: error });
  }
  const base64 = Buffer.from(wasm).toString('base64');
  return [
    `// Generated from ${basename(source)} by \`npm run build:kernels\` (${String(wasm.length)} bytes of WebAssembly). Do not edit.`,
    `export const ${camelCase(name)}Wasm =`,
    `  '${base64}';`,
    '',
  ].join('\n');
}

const check = process.argv.includes('--check');
const entries = await readdir(join(root, folder));
const names = entries.filter((entry) => entry.endsWith(SOURCE)).map((entry) => entry.slice(0, -SOURCE.length));
for (const name of names.sort()) {
  const target = join(root, folder, `${name}.wasm.ts`);
  const text = await compile(name);
  if (!check) {
    await writeFile(target, text);
    console.log(`${folder}/${name}.wasm.ts: written (${String(text.length)} characters)`);
  } else if ((await readFile(target, 'utf8').catch(() => '')) !== text) {
    console.error(`${folder}/${name}.wasm.ts is not what ${name}${SOURCE} gives. Run npm run build:kernels.`);
    process.exitCode = 1;
  }
}
if (names.length === 0) console.log(`No ${SOURCE} files in ${folder}.`);
