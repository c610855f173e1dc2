import vm from 'node:vm';
import { ShardloomError } from '../../errors.ts';

/**
 * How long a pattern of a config may take to be matched, in milliseconds: configs come from other people. Real ones take
 * microseconds.
 */
const MATCH_TIMEOUT_MS = 200;

/** Where a pattern has to match: everywhere (`re.fullmatch`), or from any module boundary to the end, as rank_pattern keys do. */
export type MatchKind = 'full' | 'module suffix';

const context = vm.createContext({});
const script = new vm.Script(
  'texts.map((text) => { const match = new RegExp(source, flags).exec(text); return match && (match.groups?.layerNumber ?? ""); })',
);

/**
 * Which of `texts` a Python regular expression matches. Throws `bad-metadata` for a pattern that is none, that has no counterpart
 * here, or that does not come to an end.
 */
export function matchesOf(pattern: string, kind: MatchKind, texts: readonly string[]): boolean[] {
  const { source, flags } = translated(pattern);
  const whole = kind === 'full' ? `^(?:${source})$` : `^(?:.*\\.)?(?:${source})$`;
  return match(pattern, whole, flags, texts).map((matched) => matched !== null);
}

/** The layer that a name belongs to, where a Python regular expression stands before the number of the layer. */
export function layerNumberOf(pattern: string, text: string): number | null {
  const { source, flags } = translated(pattern);
  const [layer] = match(pattern, `.*\\.(?:${source})\\.(?<layerNumber>\\d+)\\.`, flags, [text]);
  return layer === null ? null : Number(layer);
}

/** For each text null where the expression does not match; else the layer's number, where the expression asks for it. */
function match(pattern: string, source: string, flags: string, texts: readonly string[]): (string | null)[] {
  try {
    Object.assign(context, { source, flags, texts: [...texts] });
    return [...(script.runInContext(context, { timeout: MATCH_TIMEOUT_MS }) as (string | null)[])];
  } catch (error) {
    throw new ShardloomError(
      {
        tag: 'bad-metadata',
        what: 'A regular expression in the adapter’s config cannot be used.',
        tensor: pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern,
        found: (error as Error).message,
        advice: 'List the modules in target_modules one by one instead.',
      },
      { cause: error },
    );
  }
}

/** Python's spelling of what JavaScript spells differently: comments, named groups, ends of text, flags in front. */
function translated(pattern: string): { readonly source: string; readonly flags: string } {
  const inline = /^\(\?([aiLmsux]+)\)/.exec(pattern);
  const flags = inline ? [...inline[1]!].filter((flag) => 'ims'.includes(flag)).join('') : '';
  const source = pattern
    .slice(inline?.[0].length ?? 0)
    .replace(/\(\?#[^)]*\)/g, '')
    .replaceAll('(?P<', '(?<')
    .replace(/\(\?P=(\w+)\)/g, '\\k<$1>')
    .replaceAll('\\A', '^')
    .replaceAll('\\Z', '$');
  return { source, flags };
}

/** A text as a pattern that matches just it, in Python and here. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/**
 * A pattern that matches what `pattern` matches and `names` as well, written so that they can be found again: the comment is
 * one in Python's regular expressions too.
 */
export function withAlternatives(pattern: string, mark: string, names: readonly string[]): string {
  const { base, alternatives } = splitAlternatives(pattern, mark);
  const all = [...new Set([...alternatives, ...names.map(escaped)])];
  return all.length === 0 ? base : `(?:${base})(?#${mark})|${all.join('|')}`;
}

/** The same without these names, and the pattern alone where none is left. */
export function withoutAlternatives(pattern: string, mark: string, names: readonly string[]): string {
  const { base, alternatives } = splitAlternatives(pattern, mark);
  const gone = new Set(names.map(escaped));
  const left = alternatives.filter((alternative) => !gone.has(alternative));
  return left.length === 0 ? base : `(?:${base})(?#${mark})|${left.join('|')}`;
}

function splitAlternatives(pattern: string, mark: string): { readonly base: string; readonly alternatives: string[] } {
  const seam = `)(?#${mark})|`;
  const at = pattern.lastIndexOf(seam);
  if (!pattern.startsWith('(?:') || at < 0) return { base: pattern, alternatives: [] };
  // Names hold no `|` of their own: they are escaped, and split where an unescaped one stands.
  return { base: pattern.slice(3, at), alternatives: pattern.slice(at + seam.length).split(/(?<!\\)\|/) };
}
