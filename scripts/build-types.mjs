/**
 * The library's TypeScript types: dist/types/index.d.ts and the declarations that it leads to, as the compiler makes them. What is
 * shipped has no dependencies, so the types must not have any either: this fails where a declaration imports a package.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import process from 'node:process';
import ts from 'typescript';

const SOURCES = resolve('src-core');
const OUT = resolve('dist/types');
const ENTRY = 'index.ts';

/** @param {readonly ts.Diagnostic[]} diagnostics */
function stopAt(diagnostics) {
  if (diagnostics.length === 0) return;
  const host = { getCurrentDirectory: () => SOURCES, getCanonicalFileName: String, getNewLine: () => '\n' };
  console.error(ts.formatDiagnostics(diagnostics, host));
  process.exit(1);
}

/** The declarations of all files that the entry needs to compile, by the path of their source below src-core. */
function declarations() {
  const { config } = ts.readConfigFile(join(SOURCES, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, SOURCES);
  const program = ts.createProgram([join(SOURCES, ENTRY), resolve('build-constants.d.ts')], {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    stripInternal: true,
    rootDir: SOURCES,
    outDir: SOURCES,
  });
  /** @type {Map<string, string>} */
  const made = new Map();
  const { diagnostics } = program.emit(undefined, (file, text) => {
    made.set(
      relative(SOURCES, file)
        .split(sep)
        .join('/')
        .replace(/\.d\.ts$/, '.ts'),
      text,
    );
  });
  stopAt([...ts.getPreEmitDiagnostics(program), ...diagnostics]);
  return made;
}

/**
 * The entry's declarations and those that they import, with imports as every module resolution understands them.
 * @param {ReadonlyMap<string, string>} made
 */
function needed(made) {
  /** @type {Map<string, string>} */
  const found = new Map();
  /** @type {Map<string, string>} Each file, and how the entry leads to it. */
  const queue = new Map([[ENTRY, ENTRY]]);
  for (const [file, way] of queue) {
    let text = made.get(file) ?? '';
    // From the last to the first, so that earlier positions stay right.
    for (const { fileName, pos, end } of ts.preProcessFile(text).importedFiles.reverse()) {
      if (!fileName.startsWith('.')) {
        console.error(`The library's types would need "${fileName}", which is not shipped: ${way}.`);
        process.exit(1);
      }
      const imported = posix.join(posix.dirname(file), fileName);
      if (!queue.has(imported)) queue.set(imported, `${way} > ${imported}`);
      text = text.slice(0, pos) + text.slice(pos, end + 2).replace(/\.ts(['"])/, '.js$1') + text.slice(end + 2);
    }
    found.set(file, text);
  }
  return found;
}

rmSync(OUT, { recursive: true, force: true });
for (const [file, text] of needed(declarations())) {
  const target = join(OUT, file.replace(/\.ts$/, '.d.ts'));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}
