import os from 'node:os';

/** What a folder is called in a report whose reader must not learn where it lies. */
export type FolderRole = 'home' | 'checkpoint' | 'output' | 'base' | 'folder' | 'app';

export interface NamedFolder {
  readonly folder: string;
  readonly role: FolderRole;
  /** The same folder by another path, such as where a link leads. */
  readonly alias?: string;
}

export interface ShortenOptions {
  readonly folders: readonly NamedFolder[];
  /** The user's name on this machine; replaced wherever it stands as a word. */
  readonly user?: string | undefined;
}

/** Replaces private beginnings of paths in a text; what it gives stays as it is when it is shortened again. */
export type Shorten = (text: string) => string;

/** What stands in a text for something that was replaced. */
const PLACEHOLDER = '<(?:home|checkpoint|output|base|folder|app|elsewhere|user)(?: \\d+)?>';

/** Any other absolute path of two steps or more, as far as it can be told from other text. Its last step is kept. */
const STEP = /[^\s/\\"'`<>|:;,()[\]{}]+/u.source;
const OTHER_PATH = `${/(?<![\p{L}\p{N}_.~<>/\\-])(?:file:\/\/)?(?:[a-z]:)?(?:\/|\\+)/u.source}(?:${STEP}[/\\\\]+)+(?=${STEP})`;

/** Around a path of one step, which is short enough to stand by chance inside another word or path. */
const WORD_BEFORE = String.raw`(?<![\p{L}\p{N}_.>-])`;
const WORD_AFTER = String.raw`(?![\p{L}\p{N}_.-])`;

/**
 * A function that puts `<checkpoint>`, `<output>`, `<home>` and the like where texts name these folders, however they are
 * written: as JSON, as a URL, quoted for a shell. Folders above them become `<checkpoint>/..`. Other absolute paths keep their
 * last step only.
 */
export function pathShortener({ folders, user }: ShortenOptions): Shorten {
  const replacements = new Map<string, string>();
  const patterns: string[] = [];
  const add = (folder: string, placeholder: string): void => {
    for (const written of writtenForms(folder)) {
      if (replacements.has(written.toLowerCase())) continue;
      replacements.set(written.toLowerCase(), placeholder);
      patterns.push(written);
    }
  };
  const known = numbered(folders);
  for (const { folder, placeholder } of known) add(folder, placeholder);
  for (const { folder, role, placeholder } of known) {
    // Where the users' homes are says nothing about them.
    if (role === 'home') continue;
    let above = placeholder;
    for (const parent of foldersAbove(folder)) add(parent, (above += '/..'));
  }
  // Alternatives are tried in their order: the longest first, so that a folder wins over those above it.
  patterns.sort((a, b) => b.length - a.length);
  const named = patterns.map((written) =>
    stepsOf(written) > 1 ? escaped(written) : `${WORD_BEFORE}${escaped(written)}${WORD_AFTER}`,
  );
  const name = user === undefined || user === '' ? [] : [wholeWord(user)];
  const everything = new RegExp([PLACEHOLDER, ...named, OTHER_PATH, ...name].join('|'), 'giu');
  const isPlaceholder = new RegExp(`^${PLACEHOLDER}$`, 'u');
  return (text) =>
    text.replace(everything, (found) => {
      if (isPlaceholder.test(found)) return found;
      const placeholder = replacements.get(found.toLowerCase());
      if (placeholder !== undefined) return placeholder;
      return /[/\\]$/.test(found) ? '<elsewhere>/' : '<user>';
    });
}

/** The same with everything in a JSON document that is text, names of fields too. */
export function shortenDocument(value: unknown, shorten: Shorten): unknown {
  if (typeof value === 'string') return shorten(value);
  if (Array.isArray(value)) return value.map((item) => shortenDocument(item, shorten));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [shorten(key), shortenDocument(item, shorten)]));
}

interface KnownFolder {
  readonly folder: string;
  readonly role: FolderRole;
  readonly placeholder: string;
}

/** Each folder once, with what stands for it: `<output>`, `<output 2>`. Roots of disks say nothing and stay. */
function numbered(folders: readonly NamedFolder[]): KnownFolder[] {
  const counts = new Map<FolderRole, number>();
  const known = new Map<string, KnownFolder>();
  for (const { folder, role, alias = folder } of folders) {
    const paths = [folder, alias].map((path) => path.replace(/[/\\]+$/, '')).filter((path) => stepsOf(path) > 0);
    if (paths.length === 0 || known.has(paths[0]!)) continue;
    const count = (counts.get(role) ?? 0) + 1;
    counts.set(role, count);
    const placeholder = count === 1 ? `<${role}>` : `<${role} ${count}>`;
    for (const path of paths) if (!known.has(path)) known.set(path, { folder: path, role, placeholder });
  }
  return [...known.values()];
}

/** From the nearest to the topmost, without the root. */
function foldersAbove(folder: string): string[] {
  const above: string[] = [];
  for (let end = lastSeparator(folder); end > 0; end = lastSeparator(folder.slice(0, end))) {
    if (stepsOf(folder.slice(0, end)) > 0) above.push(folder.slice(0, end));
  }
  return above;
}

function lastSeparator(folder: string): number {
  return Math.max(folder.lastIndexOf('/'), folder.lastIndexOf('\\'));
}

/** Names that a path consists of, without a drive. */
function stepsOf(folder: string): number {
  return folder.split(/[/\\]+/).filter((step) => step !== '' && !/^[A-Za-z]:$/.test(step)).length;
}

/** How a path may stand in a text. */
function writtenForms(folder: string): Set<string> {
  const forms = [folder, folder.normalize('NFC'), folder.normalize('NFD')].flatMap((path) => {
    const slashes = path.replaceAll('\\', '/');
    const address = encodeURI(wellFormed(slashes));
    const url = `file://${address.startsWith('/') ? '' : '/'}${address}`;
    return [path, slashes, address, url, path.replaceAll("'", `'\\''`), path.replaceAll("'", "''")];
  });
  return new Set(forms.flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]));
}

/** Without halves of characters, which an address cannot hold. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

function wholeWord(word: string): string {
  return `(?<![\\p{L}\\p{N}])${escaped(word)}(?![\\p{L}\\p{N}])`;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) => (character === '-' ? '\\x2d' : `\\${character}`));
}

/** Who runs this; absent where the system has no name for the user, as in some containers. */
export function userName(): string | undefined {
  try {
    return os.userInfo().username;
  } catch {
    return undefined;
  }
}
