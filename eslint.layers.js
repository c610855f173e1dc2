/**
 * The layering rule: data flows one way through the engine, and imports go with it. From one ordered list a
 * no-restricted-imports entry is made for every folder, with a message that says in words what is allowed there.
 */

/** Top to bottom: each may import from those above it. Entries of one line are one layer. */
const LAYERS = [
  { name: 'errors', file: true },
  { name: 'limits', file: true },
  { name: 'units', file: true },
  { name: 'kernels', because: 'it only computes' },
  { name: 'bytes', opens: ['files'], because: 'it is where files are read and written' },
  { name: 'tensor', because: 'it describes tensors and never reads one' },
  { name: 'formats', because: 'it reads and writes through the sources and sinks of bytes/' },
  { name: 'specs', not: ['kernels', 'bytes', 'formats'], because: 'it never touches files' },
  { name: 'checkpoint', opens: ['files'], because: 'it only finds and describes what is in a folder' },
  { name: 'models', because: 'it describes models and never touches files' },
  { name: 'peft', because: 'it never touches files itself' },
  { name: 'plan', because: 'a plan is made and checked before any byte moves' },
  { name: 'execute', opens: ['files', 'threads'], because: 'it runs plans and does not know what is made of them' },
  { name: 'verify', because: 'it reads through the layers above' },
  { name: 'inspect', because: 'it reads through the layers above' },
  { name: 'sample', because: 'it makes checkpoints through the layers above' },
  { name: 'jobs', because: 'it puts the layers above together into what a user asks for' },
  { name: 'index', file: true, because: 'it is the public door to what is above it' },
  { name: 'cli', file: true, folder: true, opens: ['files'], because: 'nothing in the engine may depend on it' },
  { name: 'app-door', file: true, not: ['cli'], because: 'it is the door through which electron/ uses the engine' },
];

/** Modules of Node and packages that only some layers may use. */
const OPENERS = {
  files: { modules: ['fs', 'fs/promises', 'node:fs', 'node:fs/promises'], what: 'the disk' },
  threads: { modules: ['worker_threads', 'node:worker_threads', 'piscina'], what: 'worker threads' },
};

/** What the engine knows nothing of, anywhere. */
const NOT_IN_THE_ENGINE = '^(electron|react|react-dom|zustand|@tanstack/.*|jsdom)(/.*)?$';

/** What may stand in src-core. */
export const layerNames = LAYERS.map((layer) => layer.name);

/** One entry for each depth of folders, because a path has to climb as often to reach another layer. */
const DEPTHS = [1, 2, 3, 4];

/** @param {string[]} words */
const inWords = (words) => (words.length === 0 ? 'nothing else of the engine' : words.join(', '));

/**
 * @param {(typeof LAYERS)[number]} layer
 * @param {number} index
 */
function allowedIn(layer, index) {
  return LAYERS.slice(0, index)
    .map((above) => above.name)
    .filter((name) => !(layer.not ?? []).includes(name));
}

/**
 * The restrictions for files of a layer that lie `depth` folders below src-core.
 * @param {(typeof LAYERS)[number]} layer
 * @param {number} index
 * @param {number} depth
 */
function patternsFor(layer, index, depth) {
  const allowed = allowedIn(layer, index);
  const place = depth === 0 ? `${layer.name}.ts` : `${layer.name}/`;
  const reason = layer.because === undefined ? '' : `: ${layer.because}`;
  const message = `${place} may import ${inWords(allowed)}${reason}.`;
  const forbidden = LAYERS.map((other) => other.name).filter((name) => name !== layer.name && !allowed.includes(name));
  const up = depth === 0 ? '\\./' : '\\.\\./'.repeat(depth);
  const outside = depth === 0 ? '\\.\\./' : `${up}\\.\\./`;
  const patterns = [
    { regex: `^${outside}`, message: `${message} It never reaches out of src-core.` },
    {
      regex: NOT_IN_THE_ENGINE,
      message: `The engine is plain TypeScript for Node, without Electron and DOM. ${message}`,
    },
  ];
  if (forbidden.length > 0) patterns.push({ regex: `^${up}(${forbidden.join('|')})(/|\\.ts$)`, message });
  for (const [opener, { modules, what }] of Object.entries(OPENERS)) {
    if ((layer.opens ?? []).includes(opener)) continue;
    const who = LAYERS.filter((other) => (other.opens ?? []).includes(opener)).map((other) => `${other.name}/`);
    patterns.push({
      regex: `^(${modules.join('|')})$`,
      message: `Only ${who.join(', ')} may use ${what}. ${message}`,
    });
  }
  return patterns;
}

/**
 * @param {{ regex: string, message: string, allowTypeImports?: boolean }[]} patterns
 * @returns {import('eslint').Linter.RulesRecord}
 */
const restricted = (patterns) => ({ '@typescript-eslint/no-restricted-imports': ['error', { patterns }] });

const engine = LAYERS.flatMap((layer, index) => {
  /** @type {import('eslint').Linter.Config[]} */
  const configs = [];
  if (layer.file) {
    configs.push({ files: [`src-core/${layer.name}.ts`], rules: restricted(patternsFor(layer, index, 0)) });
  }
  if (!layer.file || layer.folder) {
    for (const depth of DEPTHS) {
      const files = [`src-core/${layer.name}/${'*/'.repeat(depth - 1)}*.ts`];
      configs.push({ files, rules: restricted(patternsFor(layer, index, depth)) });
    }
  }
  return configs;
});

/** @type {import('eslint').Linter.Config} */
const pastTheRule = {
  name: 'layers/no-dynamic-imports',
  files: ['src-core/**/*.ts'],
  ignores: ['src-core/cli.ts', 'src-core/cli/**'],
  rules: {
    'no-restricted-syntax': [
      'error',
      {
        selector: 'ImportExpression',
        message: 'An import() goes past the layering rule. Import at the top of the file.',
      },
    ],
  },
};

const electron = {
  name: 'layers/electron',
  files: ['electron/**/*.ts'],
  rules: restricted([
    {
      regex: '^(\\.\\./)+src-core/(?!app-door\\.ts$)',
      allowTypeImports: true,
      message: 'electron/ uses the engine through its door, src-core/app-door.ts. Types may come from anywhere in it.',
    },
    { regex: '^(\\.\\./)+renderer/', message: 'electron/ does not know the renderer.' },
  ]),
};

const BUILT_IN =
  'assert|buffer|child_process|cluster|crypto|dgram|dns|events|fs|http|http2|https|inspector|module|net|os|path|' +
  'perf_hooks|process|readline|repl|stream|timers|tls|tty|url|util|v8|vm|wasi|worker_threads|zlib';

const renderer = {
  name: 'layers/renderer',
  files: ['renderer/**/*.{ts,tsx}'],
  rules: restricted([
    {
      regex: `^(electron|piscina|node:.*|(${BUILT_IN})(/.*)?)$`,
      message: 'The renderer is a sandboxed page: it has no Electron and no Node.',
    },
    {
      regex: '^(\\.\\./)+src-core/(?!units\\.ts$|inspect/facts\\.ts$|inspect/drawing/)',
      allowTypeImports: true,
      message:
        'The renderer imports types from the engine, and code only from units.ts, inspect/facts.ts and inspect/drawing/.',
    },
    {
      regex: '^(\\.\\./)+electron/',
      allowTypeImports: true,
      message: 'The renderer imports types from electron/, and talks to it through the preload script.',
    },
  ]),
};

/** @type {import('eslint').Linter.Config[]} */
export const layerConfigs = [...engine, pastTheRule, electron, renderer];
