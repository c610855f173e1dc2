import 'react';
import type { Bridge } from '../electron/bridge.ts';

declare global {
  interface Window {
    readonly shardloom: Bridge;
  }
}

declare module 'react' {
  interface CSSProperties {
    /** The widths of a table's columns, for all of its lines at once. */
    '--columns'?: string;
  }
}
