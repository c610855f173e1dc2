import type { ParameterMetadata, ParametersMetadata } from '../tensor/parallel.ts';

/**
 * Adapter names inside parameter names. A PEFT model calls a LoRA parameter `<module>.lora_A.<adapter>.weight`; it is saved
 * without the adapter: `<module>.lora_A.weight`. Everything here works on whole path segments: text replacement, as the
 * reference does it, would also change a parent module whose name contains the searched one.
 */

/** What PEFT puts before the names of the model that it wraps. */
export const PEFT_PREFIX = 'base_model.model.';

/** The name that a module or parameter has in the model itself. Idempotent. */
export function withoutPeftPrefix(name: string): string {
  return name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name;
}

const LORA_CONTAINERS = new Set(['lora_A', 'lora_B', 'lora_embedding_A', 'lora_embedding_B', 'lora_magnitude_vector']);

/** What PEFT calls the module that it has wrapped. */
const BASE_LAYER = 'base_layer';

/** Containers whose adapter is the last segment, because PEFT keeps them in a ParameterDict. */
const PARAMETER_DICTS = new Set(['lora_embedding_A', 'lora_embedding_B', 'lora_magnitude_vector']);

/** What can follow a LoRA container directly in a saved name. */
const PARAMETER_LEAF = /^(weight|bias)(_(q|k|v|qkv))?$/;

/** Where in a name the adapter stands: segments `[from, to)`. Adapter names may contain dots. */
interface AdapterPlace {
  readonly segments: readonly string[];
  /** First segment to drop: the adapter, or `modules_to_save` before it. */
  readonly from: number;
  readonly adapterFrom: number;
  readonly to: number;
}

function findAdapter(name: string, adapterName: string | undefined): AdapterPlace | null {
  const segments = name.split('.');
  for (let i = 0; i < segments.length - 1; i++) {
    const container = segments[i]!;
    const saved = container === 'modules_to_save';
    if (!saved && !LORA_CONTAINERS.has(container)) continue;
    const from = saved ? i : i + 1;
    const to = adapterName === undefined ? guessAdapterEnd(segments, i) : knownAdapterEnd(segments, i, adapterName);
    if (to !== null) return { segments, from, adapterFrom: i + 1, to };
  }
  return null;
}

/** The end of a known adapter name, compared segment by segment, or null where another stands there. */
function knownAdapterEnd(segments: readonly string[], container: number, adapterName: string): number | null {
  const wanted = adapterName.split('.');
  const end = container + 1 + wanted.length;
  const matches = wanted.every((part, k) => segments[container + 1 + k] === part);
  if (!matches) return null;
  // `lora_A.weight` with an adapter called "weight" has nothing behind it: there the segment is the parameter itself.
  return end < segments.length || PARAMETER_DICTS.has(segments[container]!) ? end : null;
}

/** Without knowing the adapter: everything between the container and the parameter's own name. */
function guessAdapterEnd(segments: readonly string[], container: number): number | null {
  const last = segments.length - 1;
  const leaf = PARAMETER_LEAF.test(segments[last]!);
  if (segments[container] === 'modules_to_save') return container + 2 <= last ? container + 2 : null;
  if (!leaf) return PARAMETER_DICTS.has(segments[container]!) ? last + 1 : null;
  return container + 1 < last ? last : null;
}

/**
 * The name under which a parameter is saved: without the adapter's name. Idempotent. Pass the adapter's name where it is
 * known (from the `adapter_<name>` folder); without it, it is taken to be what stands between `lora_A` and the parameter.
 */
export function removeAdapterName(name: string, adapterName?: string): string {
  const place = findAdapter(name, adapterName);
  if (!place) return name;
  return [...place.segments.slice(0, place.from), ...place.segments.slice(place.to)].join('.');
}

/** The adapter that a parameter of a PEFT model belongs to, or null for parameters of the base model. */
export function getAdapterName(parameterFullyQualifiedName: string): string | null {
  const place = findAdapter(parameterFullyQualifiedName, undefined);
  return place ? place.segments.slice(place.adapterFrom, place.to).join('.') : null;
}

/**
 * The parameter that a copy of modules_to_save was made of: `<module>.original_module.<leaf>` for
 * `<module>.modules_to_save.<adapter>.<leaf>`, or null for a name that is no such copy.
 */
export function originalModuleName(parameterFullyQualifiedName: string): string | null {
  const place = findAdapter(parameterFullyQualifiedName, undefined);
  if (!place || place.segments[place.from] !== 'modules_to_save') return null;
  return [...place.segments.slice(0, place.from), 'original_module', ...place.segments.slice(place.to)].join('.');
}

/** True if the parameter belongs to `adapterName`, whatever characters that name has. */
export function belongsToAdapter(parameterFullyQualifiedName: string, adapterName: string): boolean {
  return findAdapter(parameterFullyQualifiedName, adapterName) !== null;
}

/** The name that a parameter has where PEFT has not wrapped its module. */
export function withoutBaseLayer(name: string): string {
  return name
    .split('.')
    .filter((segment) => segment !== BASE_LAYER)
    .join('.');
}

/** True for the frozen weight inside a LoRA layer: a path segment is `base_layer`. */
export function isBaseLayer(name: string): boolean {
  return name.split('.').includes(BASE_LAYER);
}

/**
 * The metadata under the names that the tensors are saved with. Of an adapter's LoRA parameters only the adapter's own
 * count: another adapter's would have the same saved name.
 */
export function metadataBySavedName(
  metadata: ParametersMetadata,
  adapterName?: string,
): Map<string, ParameterMetadata> {
  const bySavedName = new Map<string, ParameterMetadata>();
  for (const [name, parameter] of metadata) {
    const foreign = adapterName !== undefined && getAdapterName(name) !== null && !belongsToAdapter(name, adapterName);
    if (!foreign) bySavedName.set(removeAdapterName(name, adapterName), parameter);
  }
  return bySavedName;
}
