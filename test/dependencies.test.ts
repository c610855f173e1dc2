import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
const manifest = read('package.json') as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
const lock = read('package-lock.json') as {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, Locked>>;
};
const { '': root, ...packages } = lock.packages;
const locked = Object.entries(packages);

/** Packages that run something when they are installed. Each is looked at before it comes in here. */
const WITH_INSTALL_SCRIPT = [
  // Picks the 7-Zip for this architecture out of its own files. Only Windows installers need it.
  'node_modules/electron-winstaller',
];

/** Licences that let a tool be used for building and testing. What is shipped is held to fewer: see e2e/package.spec.ts. */
const USABLE = new Set([
  ...['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', 'MIT-0', 'OFL-1.1'],
  ...['CC-BY-3.0', 'CC-BY-4.0', 'CC0-1.0', 'MPL-2.0', 'Python-2.0', 'WTFPL'],
  ...['(MIT OR CC0-1.0)', '(WTFPL OR MIT)', 'WTFPL OR ISC'],
]);

/** The places where a package with this property is, as the lockfile names them. */
const where = (has: (entry: Locked) => boolean): readonly string[] =>
  locked.filter(([, entry]) => has(entry)).map(([path]) => path);

describe('dependencies', () => {
  it('are pinned to one version each', () => {
    const ranges = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies', 'overrides'];
    const named = ranges.flatMap((kind) => Object.entries(manifest[kind] ?? {}));
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))).toEqual([]);
  });

  it('are all for building: nothing is installed where Shardloom is', () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest.optionalDependencies).toBeUndefined();
  });

  it('are in the lockfile as package.json has them', () => {
    const { devDependencies } = root as unknown as { readonly devDependencies: Readonly<Record<string, string>> };
    expect(devDependencies).toEqual(manifest.devDependencies);
    for (const [name, version] of Object.entries(devDependencies)) {
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });

  it('come from the registry, each with a digest of what it must be', () => {
    expect(lock.lockfileVersion).toBe(3);
    expect(locked.length).toBeGreaterThan(500);
    expect(where(({ integrity = '' }) => !/^sha512-[\w+/]{86}==$/.test(integrity))).toEqual([]);
    // The lockfile leaves out where a package of the registry lies. Whatever says where it lies is from elsewhere.
    expect(where(({ resolved }) => resolved !== undefined)).toEqual([]);
    expect(where(({ link }) => link === true)).toEqual([]);
    expect(where(({ version = '' }) => !/^\d+\.\d+\.\d+/.test(version))).toEqual([]);
  });

  it('run nothing when they are installed, but for those that were looked at', () => {
    expect(where(({ hasInstallScript }) => hasInstallScript === true)).toEqual(WITH_INSTALL_SCRIPT);
  });

  it('have licences under which they may be used', () => {
    expect(where(({ license = 'none' }) => !USABLE.has(license))).toEqual([]);
  });
});
