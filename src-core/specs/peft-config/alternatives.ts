/** Marks of what was added to a pattern on the way to the Neuron model, and on the way back. */
export const MARKS = ['neuron', 'original'] as const;
export type Mark = (typeof MARKS)[number];

/** A pattern with the names that were added to it, escaped; they can be found again, because each list of them follows a comment. */
interface Alternatives {
  /** Flags such as `(?i)`, which Python takes in front of a pattern only. */
  readonly head: string;
  readonly base: string;
  readonly names: Readonly<Record<Mark, readonly string[]>>;
}

/** A text as a pattern that matches just it, with flag `x` too, and has no `|` or `)` of its own. */
export function escaped(text: string): string {
  const hex = (character: string): string => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return text.replace(/[\\^$.*+?()[\]{}|# \t\n\r\v\f]/g, (one) => (one === '.' ? '\\.' : hex(one)));
}

/** A pattern that matches what `pattern` matches and `names` as well; `(?:a.*)(?#neuron)|b|c`. */
export function withAlternatives(pattern: string, mark: Mark, names: readonly string[]): string {
  const parts = split(pattern);
  return joined(parts, mark, [...new Set([...parts.names[mark], ...names.map(escaped)])]);
}

/** The same without these names, and the pattern alone where none is left. */
export function withoutAlternatives(pattern: string, mark: Mark, names: readonly string[]): string {
  const parts = split(pattern);
  const gone = new Set(names.map(escaped));
  return joined(
    parts,
    mark,
    parts.names[mark].filter((name) => !gone.has(name)),
  );
}

/** The pattern without any names that were added, and a test for these. */
export function withoutAdded(pattern: string): { readonly alone: string; readonly isAdded: (name: string) => boolean } {
  if (!pattern.includes('(?#')) return { alone: pattern, isAdded: () => false };
  const { head, base, names } = split(pattern);
  const added = new Set(MARKS.flatMap((mark) => names[mark]));
  return { alone: head + base, isAdded: (name) => added.has(escaped(name)) };
}

function joined({ head, base, names }: Alternatives, mark: Mark, ofMark: readonly string[]): string {
  const all = { ...names, [mark]: ofMark };
  const added = MARKS.filter((one) => all[one].length > 0).map((one) => `(?#${one})|${all[one].join('|')}`);
  // With flag `x` a comment may end the pattern: a new line ends the comment.
  const end = hasComments(head) ? '\n' : '';
  return added.length === 0 ? head + base : `${head}(?:${base}${end})${added.join('')}`;
}

function hasComments(head: string): boolean {
  return head.includes('x');
}

function split(pattern: string): Alternatives {
  const head = /^(?:\(\?[aimsux]+\))*/.exec(pattern)![0];
  const rest = pattern.slice(head.length);
  const alone: Alternatives = { head, base: rest, names: { neuron: [], original: [] } };
  const end = hasComments(head) ? '\n)' : ')';
  const seam = Math.max(...MARKS.map((mark) => rest.lastIndexOf(`${end}(?#${mark})|`)));
  if (!rest.startsWith('(?:') || seam < 3) return alone;
  const names: Record<Mark, string[]> = { neuron: [], original: [] };
  for (const added of rest.slice(seam + end.length).split(/(?=\(\?#(?:neuron|original)\)\|)/)) {
    const mark = MARKS.find((one) => added.startsWith(`(?#${one})|`))!;
    // Names hold no `|` of their own: they are escaped, and split where an unescaped one is.
    names[mark] = added.slice(`(?#${mark})|`.length).split(/(?<!\\)\|/);
  }
  return { head, base: rest.slice(3, seam), names };
}
