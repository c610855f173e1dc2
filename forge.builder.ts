import { join } from 'node:path';
import { MakerBase, type MakerOptions } from '@electron-forge/maker-base';
import type { ForgePlatform } from '@electron-forge/shared-types';
import { build, Platform, type Configuration } from 'electron-builder';

/** What electron-builder makes for each platform, beside the zip and deb that Forge makes. */
const TARGETS: Partial<Record<ForgePlatform, { readonly platform: Platform; readonly target: string }>> = {
  linux: { platform: Platform.LINUX, target: 'AppImage' },
  win32: { platform: Platform.WINDOWS, target: 'nsis' },
  darwin: { platform: Platform.MAC, target: 'dmg' },
};

/** AppImage, NSIS installer and dmg from the package that Forge has made: the same files, fuses and signature. */
export class MakerBuilder extends MakerBase<Configuration> {
  override readonly name = 'electron-builder';
  override readonly defaultPlatforms: ForgePlatform[] = ['linux', 'win32', 'darwin'];

  override isSupportedOnCurrentPlatform(): boolean {
    return true;
  }

  override async make({ dir, makeDir, targetPlatform, targetArch, packageJSON }: MakerOptions): Promise<string[]> {
    const entry = TARGETS[targetPlatform];
    if (!entry) return [];
    const { version, devDependencies } = packageJSON as { version: string; devDependencies: { electron: string } };
    const mac = targetPlatform === 'darwin';
    return build({
      // On macOS the application itself, elsewhere the folder around it.
      prepackaged: mac ? join(dir, 'Shardloom.app') : dir,
      publish: 'never',
      targets: entry.platform.createTarget(entry.target, archOf(targetArch)),
      config: {
        ...this.config,
        electronVersion: devDependencies.electron,
        npmRebuild: false,
        buildVersion: version,
        directories: { output: join(makeDir, entry.target) },
      },
    });
  }
}

/** electron-builder numbers its architectures. */
function archOf(arch: string): number {
  const numbers: Readonly<Record<string, number>> = { ia32: 0, x64: 1, armv7l: 2, arm64: 3, universal: 4 };
  const number = numbers[arch];
  if (number === undefined) throw new Error(`electron-builder does not know the architecture ${arch}.`);
  return number;
}
