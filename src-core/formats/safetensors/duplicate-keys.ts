/** Strings, and the punctuation that opens and closes objects; numbers and literals hold none of these. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

/**
 * The first key that stands twice in the same object of a JSON text, or null. The text must be valid JSON: this only keeps
 * count of what `JSON.parse` throws away.
 */
export function findDuplicateKey(json: string): string | null {
  const open: (Set<string> | null)[] = [];
  let before = '';
  for (const [token] of json.matchAll(TOKENS)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const keys = open.at(-1);
      const key = JSON.parse(before) as string;
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
    before = token;
  }
  return null;
}
