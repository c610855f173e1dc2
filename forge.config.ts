import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MakerZIP } from '@electron-forge/maker-zip';
import { FusesPlugin } from '@electron-forge/plugin-fuses';
import { VitePlugin } from '@electron-forge/plugin-vite';
import type { ForgeConfig } from '@electron-forge/shared-types';
import { FuseV1Options, FuseVersion } from '@electron/fuses';
import { MakerBuilder } from './forge.builder.ts';
import { addCommandLine, requireSelfContainedNode } from './forge.cli.ts';
import { gatherLicenses, prunePackageJson, pruneRuntime } from './forge.contents.ts';
import { deb } from './forge.deb.ts';
import { macSigning } from './forge.signing.ts';
import { APP_ID, WINDOW } from './src-core/cli/open-command.ts';

/** Set by scripts/forge.mjs where Electron's own download is out of reach: another runtime, for trying things out. */
const fallbackVersion = process.env.SHARDLOOM_FALLBACK_VERSION;
const fallbackZips = process.env.SHARDLOOM_FALLBACK_ZIPS;

/** Playwright drives an app through Node's inspector. What ships has that switched off. */
const isForTests = process.env.E2E === '1';

/** Of its own for each run. The packager's own choice is one folder for all, which it empties when it starts. */
const temporary = mkdtempSync(join(tmpdir(), 'shardloom-package-'));
process.once('exit', () => {
  rmSync(temporary, { recursive: true, force: true });
});

/** Tools for AppImage, NSIS and dmg come from GitHub: where that is out of reach, so are they. */
const builder =
  fallbackVersion === undefined
    ? [
        new MakerBuilder({
          appId: APP_ID,
          productName: 'Shardloom',
          // One picture of 512 pixels: electron-builder makes .ico and .icns from it.
          directories: { buildResources: 'build' },
          linux: { category: 'Science', executableName: WINDOW },
          win: { executableName: WINDOW },
          nsis: { oneClick: false, allowToChangeInstallationDirectory: true, include: 'build/installer.nsh' },
        }),
      ]
    : [];
if (fallbackVersion !== undefined && process.argv.includes('make')) {
  console.log('Made here: zip and deb. AppImage, NSIS and dmg need tools from GitHub, which cannot be reached.');
}

const config: ForgeConfig = {
  packagerConfig: {
    asar: true,
    tmpdir: temporary,
    executableName: WINDOW,
    icon: 'build/icon',
    // The window's icon on Linux, where the executable has none; and Shardloom's own licence beside Electron's.
    extraResource: ['build/icon.png', 'LICENSE'],
    appBundleId: APP_ID,
    appCategoryType: 'public.app-category.developer-tools',
    // Without it macOS gives the app no folder, be it from `shardloom open` or dropped on the icon.
    extendInfo: {
      CFBundleDocumentTypes: [
        {
          CFBundleTypeName: 'Folder',
          CFBundleTypeRole: 'Viewer',
          LSHandlerRank: 'Alternate',
          LSItemContentTypes: ['public.folder'],
        },
      ],
    },
    ...(fallbackZips !== undefined && { electronZipDir: fallbackZips }),
    ...macSigning(),
  },
  hooks: {
    // Forge asks for the runtime that package.json names; the fallback is another version.
    readPackageJson: async (_config, packageJson) => {
      if (fallbackVersion === undefined) return packageJson;
      const devDependencies = packageJson.devDependencies as Record<string, string>;
      return { ...packageJson, devDependencies: { ...devDependencies, electron: fallbackVersion } };
    },
    packageAfterExtract: async (_config, runtime, _version, platform) => {
      pruneRuntime(runtime, platform);
    },
    packageAfterPrune: async (_config, app, _version, platform, arch) => {
      prunePackageJson(app);
      await addCommandLine(join(app, '..'), platform, arch);
      gatherLicenses(app);
    },
    preMake: async () => {
      requireSelfContainedNode();
    },
    postPackage: async (_config, { outputPaths }) => {
      // The packager leaves a folder that only its maker may enter: unpacked by root it would be of no use to users.
      for (const folder of outputPaths) chmodSync(folder, 0o755);
    },
  },
  makers: [new MakerZIP({}, ['darwin', 'linux', 'win32']), deb, ...builder],
  plugins: [
    new VitePlugin({
      build: [
        { entry: 'electron/main.ts', config: 'vite.main.config.ts', target: 'main' },
        { entry: 'electron/preload.ts', config: 'vite.preload.config.ts', target: 'preload' },
      ],
      renderer: [{ name: 'main_window', config: 'vite.renderer.config.ts' }],
    }),
    new FusesPlugin({
      version: FuseVersion.V1,
      // A fuse that a later Electron brings must be decided on here.
      strictlyRequireAllFuses: true,
      [FuseV1Options.RunAsNode]: false,
      // Pages keep no cookies. Encrypting them would ask for the system's key ring.
      [FuseV1Options.EnableCookieEncryption]: false,
      [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
      [FuseV1Options.EnableNodeCliInspectArguments]: isForTests,
      [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
      [FuseV1Options.OnlyLoadAppFromAsar]: true,
      [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
      [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
    }),
  ],
};

export default config;
