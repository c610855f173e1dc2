import type { ModelConfig } from '../checkpoint/configs.ts';
import { GQAQKVColumnParallelLinearSpec } from '../specs/gqa-qkv.ts';
import type { OriginalWeight } from '../specs/spec.ts';

/** How attention heads lie in an original parameter: blocks of equal size along one axis. */
export interface HeadLayout {
  readonly kind: 'query' | 'kv';
  readonly axis: number;
  /** Rows or columns of one head. */
  readonly headDim: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  /** In how many copies each KV head stands over the ranks. */
  readonly kvSizeMultiplier: number;
}

interface HeadCounts {
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly kvSizeMultiplier: number;
}

type Role = 'q' | 'k' | 'v' | 'o';

/**
 * Where the heads of an attention projection are, or null for other parameters. The GQA spec knows names and counts; without
 * one the names that transformers gives its projections and config.json are what there is.
 */
export function headLayoutOf(name: string, weight: OriginalWeight, config: ModelConfig | undefined): HeadLayout | null {
  const spec = weight.by?.spec;
  const fields = spec instanceof GQAQKVColumnParallelLinearSpec ? spec.fields : null;
  const role = roleOf(name, fields);
  const counts = fields ?? countsOf(config);
  if (!role || !counts) return null;
  const axis = headAxis(name, role);
  const heads = role === 'q' || role === 'o' ? counts.numAttentionHeads : counts.numKeyValueHeads;
  const size = axis === null ? undefined : weight.view.shape[axis];
  if (axis === null || size === undefined || size % heads !== 0) return null;
  return {
    kind: role === 'q' || role === 'o' ? 'query' : 'kv',
    axis,
    headDim: size / heads,
    numAttentionHeads: counts.numAttentionHeads,
    numKeyValueHeads: counts.numKeyValueHeads,
    kvSizeMultiplier: counts.kvSizeMultiplier,
  };
}

/** Which projection a parameter belongs to, by the segments of its name. */
function roleOf(name: string, fields: GQAQKVColumnParallelLinearSpec['fields'] | null): Role | null {
  const names: readonly (readonly [string, Role])[] = [
    [fields?.queryProjectionName ?? 'q_proj', 'q'],
    [fields?.keyProjectionName ?? 'k_proj', 'k'],
    [fields?.valueProjectionName ?? 'v_proj', 'v'],
    [fields?.outputProjectionName ?? 'o_proj', 'o'],
  ];
  const segments = name.split('.');
  return names.find(([projection]) => segments.includes(projection))?.[1] ?? null;
}

/** Rows of q, k, v and of their lora_B are heads; of the output projection and its lora_A the columns are. */
function headAxis(name: string, role: Role): number | null {
  const [loraA, loraB, bias] = [/\.lora_A\./.test(name), /\.lora_B\./.test(name), /\.bias$/.test(name)];
  if (role === 'o') return loraB || bias ? null : 1;
  return loraA ? null : 0;
}

function countsOf(config: ModelConfig | undefined): HeadCounts | null {
  const heads = config?.numAttentionHeads;
  if (heads === undefined) return null;
  return { numAttentionHeads: heads, numKeyValueHeads: config?.numKeyValueHeads ?? heads, kvSizeMultiplier: 1 };
}
