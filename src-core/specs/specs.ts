import { ShardloomError } from '../errors.ts';
import { z } from 'zod';
import { MAX_HEADS, MAX_NAME_LENGTH, MAX_RANKS } from '../limits.ts';
import type { KvPlacement, ParametersMetadata } from '../tensor/parallel.ts';
import { FusedLinearsSpec } from './fused-linears.ts';
import { GQAQKVColumnParallelLinearSpec } from './gqa-qkv.ts';
import type {
  ModelWeightTransformationSpec,
  OriginalWeight,
  OriginalWeights,
  ShardedStateDicts,
  SpecMetadata,
  StateDict,
  TensorParallelRank,
} from './spec.ts';

/** Sizes and counts of the metadata: whole and at least 1, and small enough that their products stay exact. */
const count = z
  .number()
  .int()
  .min(1)
  .max(2 ** 31);
const heads = count.max(MAX_HEADS);
const ranks = count.max(MAX_RANKS);
const name = z.string().min(1).max(MAX_NAME_LENGTH);
const peftType = z.string().nullable().default(null);

const fusedLinears = z.looseObject({
  fused_linear_name: name,
  linear_names: z.array(name).min(1),
  bias: z.boolean(),
  fuse_axis: z.union([z.literal(0), z.literal(1), z.literal('column'), z.literal('row')]),
  original_dims: z.array(count).min(1),
  tp_size: ranks,
  peft_type: peftType,
});

const gqaQkv = z.looseObject({
  gqa_qkv_projection_name: name,
  query_projection_name: name,
  key_projection_name: name,
  value_projection_name: name,
  output_projection_name: name,
  num_attention_heads: heads,
  num_key_value_heads: heads,
  kv_size_multiplier: ranks.nullable().optional(),
  q_output_size_per_partition: count,
  kv_output_size_per_partition: count,
  fuse_qkv: z.boolean(),
  bias: z.boolean(),
  tp_size: ranks,
  peft_type: peftType,
});

function readFusedLinears(metadata: SpecMetadata): ModelWeightTransformationSpec {
  const m = parse('FusedLinearsSpec', fusedLinears, metadata);
  return new FusedLinearsSpec(
    {
      fusedLinearName: m.fused_linear_name,
      linearNames: m.linear_names,
      bias: m.bias,
      fuseAxis: m.fuse_axis,
      originalDims: m.original_dims,
      tpSize: m.tp_size,
    },
    m.peft_type,
    unknownFieldsOf(fusedLinears, metadata),
  );
}

function readGqaQkv(metadata: SpecMetadata): ModelWeightTransformationSpec {
  const m = parse('GQAQKVColumnParallelLinearSpec', gqaQkv, metadata);
  return new GQAQKVColumnParallelLinearSpec(
    {
      gqaQkvProjectionName: m.gqa_qkv_projection_name,
      queryProjectionName: m.query_projection_name,
      keyProjectionName: m.key_projection_name,
      valueProjectionName: m.value_projection_name,
      outputProjectionName: m.output_projection_name,
      numAttentionHeads: m.num_attention_heads,
      numKeyValueHeads: m.num_key_value_heads,
      // The reference's rule where a configuration leaves it open.
      kvSizeMultiplier: m.kv_size_multiplier ?? Math.max(1, Math.floor(m.tp_size / m.num_key_value_heads)),
      qOutputSizePerPartition: m.q_output_size_per_partition,
      kvOutputSizePerPartition: m.kv_output_size_per_partition,
      fuseQkv: m.fuse_qkv,
      bias: m.bias,
      tpSize: m.tp_size,
    },
    m.peft_type,
    unknownFieldsOf(gqaQkv, metadata),
  );
}

/** The specs that metadata can name. A new one is added here and nowhere else. */
const READERS: ReadonlyMap<string, (metadata: SpecMetadata) => ModelWeightTransformationSpec> = new Map([
  ['FusedLinearsSpec', readFusedLinears],
  ['GQAQKVColumnParallelLinearSpec', readGqaQkv],
]);

const specsMetadata = z.looseObject({
  module_fully_qualified_name: z.string().max(MAX_NAME_LENGTH),
  specs: z.array(z.tuple([z.string(), z.record(z.string(), z.unknown())])),
});

/** The specs of a module as the metadata stores them. */
export interface SpecsMetadata {
  readonly module_fully_qualified_name: string;
  /** By class name. */
  readonly specs: readonly (readonly [string, SpecMetadata])[];
}

/** The transformation specs of one module of the model (optimum-neuron `ModelWeightTransformationSpecs`). */
export class ModelWeightTransformationSpecs {
  readonly moduleFullyQualifiedName: string;
  readonly specs: readonly ModelWeightTransformationSpec[];

  constructor(moduleFullyQualifiedName: string, specs: readonly ModelWeightTransformationSpec[]) {
    this.moduleFullyQualifiedName = moduleFullyQualifiedName;
    this.specs = specs;
  }

  /** Reads the metadata's form. Throws `bad-metadata` or `unknown-spec`, naming the module and the field. */
  static fromMetadata(metadata: unknown): ModelWeightTransformationSpecs {
    const parsed = parse('model_weight_transformation_specs', specsMetadata, metadata);
    const module = parsed.module_fully_qualified_name;
    const specs = parsed.specs.map(([className, fields]) => {
      const read = READERS.get(className);
      if (!read) {
        throw new ShardloomError({
          tag: 'unknown-spec',
          what: `The metadata names a transformation spec that this version does not know: ${className}.`,
          tensor: module,
          found: className,
          expected: [...READERS.keys()].join(' or '),
          advice: 'Update Shardloom; if this is the newest version, report the checkpoint’s optimum-neuron version.',
        });
      }
      return inModule(module, () => read(fields));
    });
    return new ModelWeightTransformationSpecs(module, specs);
  }

  [Symbol.iterator](): Iterator<ModelWeightTransformationSpec> {
    return this.specs[Symbol.iterator]();
  }

  /** The metadata's form; with `parametersForCurrentStage` only the specs that touch one of these parameters. */
  toMetadata(parametersForCurrentStage?: ReadonlySet<string>): SpecsMetadata {
    const relevant = this.specs.filter(
      (spec) => !parametersForCurrentStage || this.isTransformationSpecRelevant(spec, parametersForCurrentStage),
    );
    return {
      module_fully_qualified_name: this.moduleFullyQualifiedName,
      specs: relevant.map((spec) => [spec.name, { ...spec.toMetadata() }]),
    };
  }

  /** The same specs with the PEFT type that the model's parameters show. */
  specialized(parameterNames: readonly string[]): ModelWeightTransformationSpecs {
    const { moduleFullyQualifiedName: module } = this;
    const ofModule = parameterNames.filter((parameter) => parameter.startsWith(`${module}.`));
    return new ModelWeightTransformationSpecs(
      module,
      this.specs.map((spec) => spec.withPeftType(spec.guessPeftType(ofModule, module))),
    );
  }

  /** The same specs for another placement of the copies of KV heads. */
  withKvPlacement(placement: KvPlacement): ModelWeightTransformationSpecs {
    const specs = this.specs.map((spec) => {
      return spec instanceof GQAQKVColumnParallelLinearSpec ? spec.withKvPlacement(placement) : spec;
    });
    return new ModelWeightTransformationSpecs(this.moduleFullyQualifiedName, specs);
  }

  /** True if the spec affects one of the parameters of a pipeline stage. */
  isTransformationSpecRelevant(
    spec: ModelWeightTransformationSpec,
    parametersForCurrentStage: ReadonlySet<string>,
  ): boolean {
    const names = spec.getRelevantParameterNames(this.moduleFullyQualifiedName);
    return [...names].some((parameter) => parametersForCurrentStage.has(parameter));
  }

  /** All specs of the module, applied to what the ranks saved. */
  toOriginalWeights(shardedStateDicts: ShardedStateDicts, parametersMetadata: ParametersMetadata): OriginalWeights {
    const weights = new Map<string, OriginalWeight>();
    const keysToRemove: string[] = [];
    const { moduleFullyQualifiedName } = this;
    for (const spec of this.specs) {
      const result = spec.toOriginalWeights(moduleFullyQualifiedName, shardedStateDicts, parametersMetadata);
      for (const [parameter, weight] of result.weights) {
        if (weights.has(parameter)) throw producedTwice(parameter);
        weights.set(parameter, { ...weight, by: { moduleFullyQualifiedName, spec } });
      }
      keysToRemove.push(...result.keysToRemove);
    }
    return { weights, keysToRemove };
  }

  /** All specs of the module, applied to original weights: the state dict of one rank. */
  adaptStateDict(stateDict: StateDict, rank: TensorParallelRank): StateDict {
    return this.specs.reduce(
      (adapted, spec) => spec.adaptStateDict(this.moduleFullyQualifiedName, adapted, rank),
      stateDict,
    );
  }
}

/** Checks `value` against a schema; the error names the field that does not fit. */
function parse<Schema extends z.ZodType>(what: string, schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new ShardloomError({
    tag: 'bad-metadata',
    what: `${what} in the metadata is not valid.`,
    tensor: issue.path.join('.') || what,
    found: issue.message,
    advice: 'Copy the metadata file again from the training machine.',
  });
}

/** Adds the module to errors that come from inside one of its specs. */
function inModule<Result>(module: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ShardloomError)) throw error;
    throw new ShardloomError(
      { ...error, tensor: error.tensor ? `${module}: ${error.tensor}` : module },
      { cause: error },
    );
  }
}

/** The error for two sources of one original parameter: one of them would be lost. */
export function producedTwice(name: string): ShardloomError {
  return new ShardloomError({
    tag: 'bad-metadata',
    what: 'The metadata and the shards give the same original parameter twice.',
    tensor: name,
    expected: 'one or the other',
    advice: 'The metadata and the shards do not fit together: take both from the same checkpoint.',
  });
}

function unknownFieldsOf(schema: z.ZodObject, metadata: SpecMetadata): SpecMetadata {
  return Object.fromEntries(Object.entries(metadata).filter(([field]) => !Object.hasOwn(schema.shape, field)));
}
