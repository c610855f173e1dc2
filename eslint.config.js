import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';
import { layerConfigs } from './eslint.layers.js';

const blankAndComments = { skipBlankLines: true, skipComments: true };

export default defineConfig(
  globalIgnores([
    'node_modules',
    'dist',
    'dist-tools',
    '.vite',
    'out',
    'coverage',
    'test-results',
    'playwright-report',
    'e2e/artifacts',
    // AssemblyScript, which is another language, and what is generated from it.
    'src-core/kernels/*.as.ts',
    'src-core/kernels/*.wasm.ts',
  ]),
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-useless-constructor': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      // Methods that an interface makes asynchronous need not wait for anything.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Inside try, a promise that is returned without await leaves before catch and finally can see it.
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'], location: 'anywhere' }],
      'object-shorthand': 'error',
      'prefer-template': 'error',
    },
  },
  {
    name: 'size',
    files: ['{src-core,electron,renderer,scripts,bench}/**/*.{ts,tsx,mjs}'],
    rules: { 'max-lines': ['error', { max: 400, ...blankAndComments }] },
  },
  {
    name: 'engine',
    files: ['src-core/**/*.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 60, ...blankAndComments }],
      'no-console': 'error',
    },
  },
  { files: ['src-core/cli.ts', 'src-core/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  ...layerConfigs,
  {
    name: 'renderer',
    files: ['renderer/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': { rules: reactHooks.rules } },
    rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error' },
  },
  {
    name: 'javascript',
    files: ['**/*.{js,mjs}'],
    // TypeScript checks these files, and knows better than this rule which globals there are.
    rules: {
      'no-undef': 'off',
      // What these files read are reports of tools, and a cast in a comment would promise no more than its name.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
