import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npm } from '../../scripts/run.mjs';
import { weightsOfFile } from '../../src-core/checkpoint/weights-folder.ts';
import { readViews } from '../../src-core/execute/view-reader.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { narrow } from '../../src-core/tensor/operations.ts';
import { viewOf } from '../../src-core/tensor/view.ts';

/** Where the tarball is packed and installed, as a user would: nothing of the repository is above it. */
let consumer = '';
const installed = (...names: string[]): string => path.join(consumer, 'node_modules', 'shardloom', ...names);

function runNpm(words: readonly string[], cwd: string): void {
  const [command, args] = npm(...words);
  execFileSync(command, args, { cwd, stdio: 'pipe' });
}

beforeAll(() => {
  consumer = fs.mkdtempSync(path.join(os.tmpdir(), 'shardloom-consumer-'));
  runNpm(['pack', '--silent', '--pack-destination', consumer], process.cwd());
  const tarball = fs.readdirSync(consumer).find((name) => name.endsWith('.tgz'))!;
  fs.writeFileSync(path.join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  runNpm(['install', '--offline', '--no-audit', '--no-fund', `./${tarball}`], consumer);
  for (const [name, text] of examples()) fs.writeFileSync(path.join(consumer, name), text);
}, 180_000);

afterAll(() => {
  fs.rmSync(consumer, { recursive: true, force: true });
});

/** The guide's examples by their file names. */
function examples(): [string, string][] {
  const guide = fs.readFileSync('docs/guide/library.md', 'utf8');
  return [...guide.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```$/gms)].map(([, name, text]) => [name!, text!]);
}

/** What the compiler has to say about the examples; `options` are those of a tsconfig.json. */
function complaints(options: Readonly<Record<string, unknown>>): string[] {
  const strict = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
  };
  const config = {
    compilerOptions: { target: 'es2022', ...strict, ...options },
    files: examples().map(([name]) => name),
  };
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, consumer);
  const program = ts.createProgram(parsed.fileNames, parsed.options);
  const diagnostics = [...parsed.errors, ...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  return diagnostics.map(
    ({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  );
}

const NO_TYPES_BUT_OURS = { lib: ['es2023'], types: [] };

describe('the packed library', () => {
  test.each([
    ['node16', { module: 'node16', ...NO_TYPES_BUT_OURS }],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler', ...NO_TYPES_BUT_OURS }],
    [
      'nodenext, beside the types of Node and of the DOM',
      { module: 'nodenext', lib: ['es2023', 'dom'], types: ['node'], typeRoots: [path.resolve('node_modules/@types')] },
    ],
  ])('is compiled against: strict, every declaration checked, %s', (_, options) => {
    expect(complaints({ ...options, noEmit: true })).toEqual([]);
  });

  test('refuses what its types do not allow', () => {
    const wrong = path.join(consumer, 'wrong.ts');
    fs.writeFileSync(
      wrong,
      "import { openCheckpoint } from 'shardloom';\nexport const a: string = openCheckpoint(1);\n",
    );
    const program = ts.createProgram([wrong], {
      module: ts.ModuleKind.NodeNext,
      strict: true,
      noEmit: true,
      lib: ['lib.es2023.d.ts'],
      types: [],
    });
    expect(ts.getPreEmitDiagnostics(program).map(({ code }) => code)).toEqual([2322, 2345]);
  });

  test('runs: the guide’s examples on a sample', async () => {
    expect(complaints({ module: 'nodenext', ...NO_TYPES_BUT_OURS })).toEqual([]);
    const program = `
      import { makeSample } from 'shardloom';
      import { consolidateAndProve } from './consolidate.js';
      import { firstRows } from './first-rows.js';
      import { rankOfMlp } from './rank-of-mlp.js';
      const { checkpoint, original } = await makeSample('sample', { tensorParallelSize: 2 });
      let progress = 0;
      const run = () => consolidateAndProve(checkpoint, 'out', () => { progress++; }, new AbortController().signal);
      const rows = firstRows(checkpoint, 'model.layers.0.self_attn.q_proj.weight', 3);
      const mlp = rankOfMlp(original, 'model.layers.0.mlp', 2, 1);
      const text = (bytes) => Buffer.from(bytes).toString('base64');
      console.log(JSON.stringify({
        checkpoint, original, said: [await run(), await run()], progress,
        rows: { dtype: rows.dtype, bytes: text(rows.bytes) }, mlp: text(mlp),
      }));
    `;
    fs.writeFileSync(path.join(consumer, 'run.js'), program);
    const output = execFileSync(process.execPath, ['run.js'], { cwd: consumer, encoding: 'utf8' });
    const found = JSON.parse(output) as Record<'checkpoint' | 'original' | 'mlp', string> & {
      readonly said: readonly string[];
      readonly progress: number;
      readonly rows: { readonly dtype: string; readonly bytes: string };
    };
    expect(found.said).toEqual([
      expect.stringMatching(/^(\d+) of \1 tensors of the ranks are in the result$/),
      expect.stringMatching(/ exists: /),
    ]);
    expect(found.progress).toBeGreaterThan(0);
    const query = weightsOfFile(path.resolve(consumer, found.original)).get('model.layers.0.self_attn.q_proj.weight')!;
    const [rows] = readViews([narrow(viewOf(query), 0, 0, 3)]);
    expect(found.rows).toEqual({ dtype: query.dtype, bytes: Buffer.from(rows!).toString('base64') });
    const [stage] = openCheckpoint(path.resolve(consumer, found.checkpoint)).model!.stages;
    const [saved] = readViews([viewOf(stage!.tensors.get('model.layers.0.mlp.gate_up_proj.weight')![1]!)]);
    expect(found.mlp).toBe(Buffer.from(saved!).toString('base64'));
  });

  test('exports every type that its signatures name, and has a type for every value', () => {
    const { checker, exported } = declared();
    expect(forgotten(checker, exported)).toEqual([]);
    const values = [...exported].filter(({ flags }) => flags & ts.SymbolFlags.Value).map(({ name }) => name);
    const list = "import * as library from 'shardloom'; console.log(JSON.stringify(Object.keys(library)));";
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', list], {
      cwd: consumer,
      encoding: 'utf8',
    });
    expect(values.sort()).toEqual((JSON.parse(output) as string[]).sort());
  });

  test('holds the bundles, the public types and nothing else', () => {
    const files = fs
      .readdirSync(installed(), { recursive: true, encoding: 'utf8' })
      .map((name) => name.replaceAll('\\', '/'));
    expect(files.filter((name) => !name.startsWith('dist')).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    const bundles = files.filter((name) => /^dist\/[^/]+\.\w+$/.test(name) && !/\/chunk-/.test(name)).sort();
    expect(bundles).toEqual(
      ['THIRD-PARTY-LICENSES.md', 'cli.js', 'copy-worker.js', 'index.js', 'worker.js'].map((name) => `dist/${name}`),
    );
    expect(files.filter((name) => /^dist\/types\/(app-door|cli)/.test(name))).toEqual([]);
  });
});

/** What the package's types export: classes, functions, constants and types. */
function declared(): { readonly checker: ts.TypeChecker; readonly exported: ReadonlySet<ts.Symbol> } {
  const entry = installed('dist', 'types', 'index.d.ts');
  const lib = ['lib.es2023.d.ts', 'lib.dom.d.ts'];
  const program = ts.createProgram([entry], { module: ts.ModuleKind.NodeNext, lib, types: [] });
  const checker = program.getTypeChecker();
  const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!);
  return { checker, exported: new Set(symbols.map((symbol) => targetOf(checker, symbol))) };
}

/** What a symbol stands for that is imported or exported again. */
function targetOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** Types of the package that a public declaration names and the package does not export, with what names them. */
function forgotten(checker: ts.TypeChecker, exported: ReadonlySet<ts.Symbol>): string[] {
  // AbortSignal is declared by the DOM, too.
  const isOurs = ({ declarations = [] }: ts.Symbol): boolean =>
    declarations.every((declaration) => declaration.getSourceFile().fileName.startsWith(installed()));
  const isType = ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Class;
  const found = new Set<string>();
  for (const { name, declarations = [] } of exported) {
    const visit = (node: ts.Node): void => {
      const symbol = ts.isIdentifier(node) ? checker.getSymbolAtLocation(node) : undefined;
      const named = symbol && targetOf(checker, symbol);
      if (named && named.flags & isType && isOurs(named) && !exported.has(named)) found.add(`${name}: ${named.name}`);
      ts.forEachChild(node, visit);
    };
    declarations.forEach(visit);
  }
  return [...found];
}
