import { mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { MakerBase, type MakerOptions } from '@electron-forge/maker-base';
import { debianArch, type MakerDebConfig } from '@electron-forge/maker-deb';
import type { ForgePlatform } from '@electron-forge/shared-types';
import { LIBRARIES } from './scripts/system-libraries.mjs';
import { WINDOW } from './src-core/cli/open-command.ts';

/** What is used of electron-installer-debian, which has no types. */
interface DebianInstaller {
  readonly stagingDir: string;
  readonly defaults: { depends: readonly string[]; recommends: readonly string[] };
  readonly options: { readonly packagePaths: string[] };
  readonly generateDefaults: () => Promise<unknown>;
  readonly generateOptions: () => unknown;
  readonly createStagingDir: () => Promise<unknown>;
  readonly createContents: () => Promise<unknown>;
  readonly createPackage: () => Promise<unknown>;
  readonly movePackage: () => Promise<unknown>;
}

type Options = NonNullable<MakerDebConfig['options']> & {
  readonly name: string;
  /** What `/usr/bin/<name>` leads to, in the package. */
  readonly bin: string;
  /** The program that shows the window, by its name in the package and on the path. */
  readonly window: string;
  /** Forge's types lack it. */
  readonly compression: 'zstd';
};

/** Forge's own maker puts one program on the path, and takes the libraries of the window for necessary. */
class MakerDeb extends MakerBase<Options> {
  override readonly name = 'deb';
  override readonly defaultPlatforms: ForgePlatform[] = ['linux'];
  override readonly requiredExternalBinaries = ['dpkg', 'fakeroot'];

  override isSupportedOnCurrentPlatform(): boolean {
    return process.platform === 'linux';
  }

  override async make({ dir, makeDir, targetArch }: MakerOptions): Promise<string[]> {
    const dest = resolve(makeDir, 'deb', targetArch);
    await this.ensureDirectory(dest);
    const installer = newInstaller({
      options: this.config,
      arch: debianArch(targetArch),
      src: dir,
      dest,
      rename: (folder: string) => join(folder, '<%= name %>_<%= version %>_<%= arch %>.deb'),
      logger: () => undefined,
    });
    await installer.generateDefaults();
    // A server needs the command line only. apt-get installs what is recommended, unless it is asked not to.
    installer.defaults.recommends = [...Object.values(LIBRARIES), 'xdg-utils'];
    installer.defaults.depends = ['libc6 (>= 2.28)', 'libstdc++6'];
    installer.generateOptions();
    await installer.createStagingDir();
    await installer.createContents();
    const programs = join(installer.stagingDir, 'usr/bin');
    mkdirSync(programs, { recursive: true });
    symlinkSync(join('../lib', this.config.name, this.config.window), join(programs, this.config.window));
    await installer.createPackage();
    await installer.movePackage();
    return installer.options.packagePaths;
  }
}

/** Found from Forge's maker, which brings it. */
function newInstaller(data: object): DebianInstaller {
  const from = createRequire(createRequire(import.meta.url).resolve('@electron-forge/maker-deb'));
  const { Installer } = from('electron-installer-debian') as {
    readonly Installer: new (data: object) => DebianInstaller;
  };
  return new Installer(data);
}

export const deb = new MakerDeb({
  name: 'shardloom',
  bin: 'resources/bin/shardloom',
  window: WINDOW,
  description: 'Consolidates sharded AWS Trainium checkpoints',
  productDescription: 'Turns optimum-neuron checkpoints into Hugging Face weights, and proves the result.',
  section: 'science',
  icon: 'build/icon.png',
  desktopTemplate: 'build/shardloom.desktop',
  // Seconds, instead of the minute that xz takes.
  compression: 'zstd',
});
