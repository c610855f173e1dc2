const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The first key that stands twice in the same object of a JSON text, or null. The text must be valid JSON: this only keeps
 * count of what `JSON.parse` throws away. A regular expression would run out of stack on a string of some megabytes.
 */
export function findDuplicateKey(json: string): string | null {
  const open: (Set<string> | null)[] = [];
  // The string before the current place.
  let [from, to] = [0, 0];
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) {
      from = at;
      to = at = endOfString(json, at);
    } else if (unit === 0x7b) open.push(new Set());
    else if (unit === 0x5b) open.push(null);
    else if (unit === 0x7d || unit === 0x5d) open.pop();
    else if (unit === 0x3a) {
      const key = JSON.parse(json.slice(from, to + 1)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return null;
}

/** Where the string that begins at `begin` has its closing quote. */
function endOfString(json: string, begin: number): number {
  let at = begin + 1;
  while (json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}
