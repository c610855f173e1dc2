import type { AdapterDetail, AdapterModule } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatPlural } from '../../src-core/units.ts';

/** The place's answer in one line. */
export function answerOf({ modules, parameters, bytes, others }: AdapterDetail): string {
  const layers = new Set(modules.flatMap(({ layer }) => layer ?? []));
  const where = layers.size > 0 ? ` in ${formatPlural(layers.size, 'layer')}` : '';
  const whole = others.length > 0 ? `, and ${formatPlural(others.length, 'parameter')} beside them` : '';
  return `Changes ${formatPlural(modules.length, 'weight')}${where}${whole}: ${formatCount(parameters)} parameters, ${formatBytes(bytes)}.`;
}

/** Different values, smallest first; one that all have alone. */
export function valuesOf(modules: readonly AdapterModule[], field: 'rank' | 'alpha' | 'scaling'): string {
  const values = [...new Set(modules.flatMap((module) => module[field] ?? []))].sort((a, b) => a - b);
  return values.length === 0 ? 'unknown' : values.map((value) => String(Number(value.toPrecision(5)))).join(', ');
}

/** Linears that share a lora_A in training, each group once: `q_proj, k_proj, v_proj`. */
export function sharedGroups(modules: readonly AdapterModule[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { kind, sharedLoraA } of modules) {
    if (sharedLoraA !== null) groups.set(sharedLoraA, [...(groups.get(sharedLoraA) ?? []), kind]);
  }
  return [...new Set([...groups.values()].map((kinds) => kinds.join(', ')))];
}

/** What stands in a field of a config, as JSON in one line. */
export function fieldText(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value).replaceAll('","', '", "');
}

/** target_modules as a reader says it. */
export function targetsText(targets: unknown): string {
  return Array.isArray(targets) ? targets.join(', ') : typeof targets === 'string' ? targets : 'none named';
}
