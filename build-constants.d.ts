/** The version in package.json, put in by the build (see vite.shared.ts). */
declare const __SHARDLOOM_VERSION__: string;
