import type { ErrorTag } from '../../src-core/errors.ts';
import type { Ended } from './child.ts';
import type { BaseName } from './kinds.ts';

/** Something done to a whole folder, or around it. */
export interface FolderAttack {
  /** The valid checkpoint that it is done to. */
  readonly base: BaseName;
  /** What consolidating ends in. */
  readonly expected: ErrorTag | 'ok';
  /** Does it; `beside` is the folder that holds `folder`. May name another folder to open, or to write into. */
  readonly make: (folder: string, beside: string) => void | { readonly open?: string; readonly out?: string };
  /** True where root would not notice: another user runs the program then. */
  readonly asOtherUser?: boolean;
  /** What else must be so. Throws where it is not. */
  readonly check?: (out: string, ended: Ended) => void;
}
