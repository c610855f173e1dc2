/**
 * Which modules a LoRA config speaks of, line by line after peft 0.17 (`check_target_module_exists`, `get_pattern_key`), for
 * patterns that mean the same to JavaScript as to Python.
 */
export interface OraclePeftConfig {
  readonly target_modules: string | readonly string[];
  readonly exclude_modules: string | readonly string[] | null;
  readonly modules_to_save: readonly string[] | null;
  readonly layers_to_transform: number | readonly number[] | null;
  readonly layers_pattern: string | readonly string[] | null;
}

/** Python's `re.fullmatch(pattern, text)`. */
const fullmatch = (pattern: string, text: string): boolean => new RegExp(`^(?:${pattern})$`).test(text);
/** Python's `re.match(pattern, text)`. */
const match = (pattern: string, text: string): RegExpExecArray | null => new RegExp(`^(?:${pattern})`).exec(text);

export function checkTargetModuleExists(config: OraclePeftConfig, key: string): boolean {
  const { exclude_modules: excluded, modules_to_save: saved, target_modules: targets } = config;
  if (excluded !== null && excluded.length > 0) {
    if (typeof excluded === 'string') {
      if (fullmatch(excluded, key)) return false;
    } else if (excluded.includes(key)) return false;
    else if (excluded.some((one) => key.endsWith(`.${one}`))) return false;
  }
  if (saved !== null && saved.some((m) => match(`(^|.*\\.)${m}($|\\..*)`, key))) return false;
  if (typeof targets === 'string') return fullmatch(targets, key);
  if (targets.includes(key)) return true;
  if (!targets.some((one) => key.endsWith(`.${one}`))) return false;
  const layers = config.layers_to_transform;
  if (layers === null || (typeof layers !== 'number' && layers.length === 0)) return true;
  const listed = config.layers_pattern;
  let index: RegExpExecArray | null = null;
  if (listed === null || listed.length === 0) index = match('.*\\.[^.]*\\.(\\d+)\\.', key);
  else {
    for (const pattern of typeof listed === 'string' ? [listed] : listed) {
      index = match(`.*\\.${pattern}\\.(\\d+)\\.`, key);
      if (index) break;
    }
  }
  if (!index) return false;
  const layer = Number(index[1]);
  return typeof layers === 'number' ? layer === layers : layers.includes(layer);
}

/** The key of rank_pattern or alpha_pattern that holds for a module, or the module itself where none does. */
export function getPatternKey(keys: readonly string[], keyToMatch: string): string {
  return keys.find((key) => match(`(.*\\.)?(${key})$`, keyToMatch)) ?? keyToMatch;
}
