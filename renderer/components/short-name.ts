/** What peft, and the model that carries the language head, put before every name. */
const WRAPPERS = /^(?:(?:base_model|model|module)\.)+(?=.)/;

/**
 * A parameter's name in at most `room` characters. What says least goes first: the wrappers before the layers and a `.weight` at
 * the end, then parts in the middle, one by one. A layer's number, or an expert's, always stays. Names that are shown together lose
 * the same ends: `longest` is the longest of them.
 */
export function shortName(name: string, room: number, longest: string = name): string {
  const lengthOf = (shorten: (text: string) => string): number =>
    Math.max(shorten(name).length, shorten(longest).length);
  if (lengthOf(String) <= room) return name;
  if (lengthOf(unwrapped) <= room) return unwrapped(name);
  const core = withoutEnds(name);
  return core.length <= room ? core : withoutMiddle(core.split('.'), room);
}

/** Several names in at most `room` characters, which they share; `longest` as of {@link shortName}. */
export function shortNames(names: readonly string[], room: number, longest?: string): string {
  if (names.length === 1) return shortName(names[0]!, room, longest);
  const whole = names.join(', ');
  if (whole.length <= room) return whole;
  const each = Math.floor((room - 2 * (names.length - 1)) / names.length);
  return names.map((name) => shortName(name, each)).join(', ');
}

/** The longest of some names, empty for none. */
export function longestOf(names: Iterable<string>): string {
  let longest = '';
  for (const name of names) if (name.length > longest.length) longest = name;
  return longest;
}

const unwrapped = (name: string): string => name.replace(WRAPPERS, '');

const withoutEnds = (name: string): string => unwrapped(name).replace(/(?<=.)\.weight$/, '');

const isNumber = (part: string | undefined): boolean => part !== undefined && /^\d+$/.test(part);

function withoutMiddle(parts: readonly string[], room: number): string {
  const dropped = new Set<number>();
  for (const index of dropOrder(parts)) {
    dropped.add(index);
    const text = joined(parts, dropped);
    if (text.length <= room) return text;
  }
  const numbers = parts.filter(isNumber).join('.');
  const end = parts.at(-1)!;
  return `${numbers}…${end.slice(-Math.max(1, room - numbers.length - 1))}`;
}

/** The container after a number (self_attn) says less than the word before it (layers), and that less than what is left. */
function dropOrder(parts: readonly string[]): number[] {
  const words = [...parts.keys()].filter((index) => index < parts.length - 1 && !isNumber(parts[index]));
  const weight = (index: number): number => {
    if (isNumber(parts[index + 1])) return 1;
    return isNumber(parts[index - 1]) ? 0 : 2;
  };
  return words.sort((a, b) => weight(a) - weight(b) || a - b);
}

/** An ellipsis stands for each run of dropped parts, but for a word right before its number. */
function joined(parts: readonly string[], dropped: ReadonlySet<number>): string {
  let text = '';
  let isCut = false;
  for (const [index, part] of parts.entries()) {
    if (dropped.has(index)) {
      isCut ||= !(text === '' && isNumber(parts[index + 1]));
      continue;
    }
    text += isCut ? '…' : text === '' ? '' : '.';
    text += part;
    isCut = false;
  }
  return text;
}
