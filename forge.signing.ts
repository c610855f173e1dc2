import type { ForgePackagerOptions } from '@electron-forge/shared-types';

/** The command line's Node.js compiles code while it runs, and asks for no camera as Electron does. */
const NODE_ENTITLEMENTS = ['allow-jit', 'allow-unsigned-executable-memory'].map(
  (key) => `com.apple.security.cs.${key}`,
);

/**
 * How the app for macOS is signed and notarized, where .github/workflows/release.yml has the secrets for it. Without them, or where
 * one is missing, it is not signed. The certificate itself is in the keychain.
 */
export function macSigning(): Pick<ForgePackagerOptions, 'osxSign' | 'osxNotarize'> {
  const { APPLE_ID: appleId, APPLE_APP_PASSWORD: appleIdPassword, APPLE_TEAM_ID: teamId } = process.env;
  // A secret that is not set is an empty text.
  if (!appleId || !appleIdPassword || !teamId) return {};
  const optionsForFile = (file: string): { readonly entitlements?: string[] } =>
    file.endsWith('/cli/node') ? { entitlements: NODE_ENTITLEMENTS } : {};
  return { osxSign: { optionsForFile }, osxNotarize: { appleId, appleIdPassword, teamId } };
}
