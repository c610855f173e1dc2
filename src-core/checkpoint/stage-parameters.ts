import { metadataBySavedName, originalModuleName, removeAdapterName } from '../specs/adapter-names.ts';
import type { ParameterMetadata, ParametersMetadata } from '../tensor/parallel.ts';
import { sameShape, type Shape } from '../tensor/shape.ts';
import type { StageMetadata } from './metadata.ts';

/**
 * What the metadata of pipeline stages leaves open because of how training saves, put right in one place: which of the saved names are
 * a stage's own, and the parallel attributes that torch has lost on the way.
 */

/**
 * The saved names that a stage's files may hold though they are another stage's, by pipeline rank. optimum-neuron saves
 * `state_dict()` of the whole module with every stage, and only the metadata is the stage's own; NxDPPModel has no `save_pretrained`,
 * so that NxD does not know that it saves one stage.
 */
export function namesOfOtherStages(
  metadata: ReadonlyMap<number, StageMetadata>,
  adapterName: string | undefined,
): (ppRank: number) => ReadonlySet<string> {
  const listed = new Map([...metadata].map(([pp, { parameters }]) => [pp, savedNames(parameters, adapterName)]));
  return (ppRank) => {
    const own = listed.get(ppRank);
    if (!own) return new Set();
    const others = [...listed].flatMap(([pp, names]) => (pp === ppRank ? [] : [...names]));
    return new Set(others.filter((name) => !own.has(name)));
  };
}

function savedNames(parameters: ParametersMetadata, adapterName: string | undefined): Set<string> {
  const names = new Set(metadataBySavedName(parameters, adapterName).keys());
  // What the reference writes when it shards an adapter for a fused GQA projection.
  for (const name of names) if (name.endsWith(FUSED_LORA_B)) names.add(name.slice(0, -'_qkv'.length));
  return names;
}

const FUSED_LORA_B = '.lora_B.weight_qkv';

/** What one stage's ranks hold, by saved name: the local shape and dtype of the first rank. */
export type LocalKinds = ReadonlyMap<string, { readonly shape: Shape; readonly dtype: string }>;

const HEAD = 'lm_head.weight';
/** The input embedding, whose rows are the vocabulary. */
export const EMBEDDING = 'model.embed_tokens.weight';

/**
 * Parameters that are others under a second name, by their own name. Tied embeddings are in `state_dict()`, and so in the shards, under
 * both names; `named_parameters()`, and so the metadata, has a shared parameter once, and `tie_word_embeddings` of config.json says it too.
 */
export function tiedNames(
  parameters: ParametersMetadata,
  saved: LocalKinds,
  tieWordEmbeddings: boolean | undefined,
): ReadonlyMap<string, string> {
  const tied = new Map([[HEAD, EMBEDDING]]);
  if (tieWordEmbeddings !== undefined) return tieWordEmbeddings ? tied : new Map();
  const [head, embedding] = [saved.get(HEAD), saved.get(EMBEDDING)];
  const isShared = parameters.has(EMBEDDING) && !parameters.has(HEAD);
  const isSame = head !== undefined && head.dtype === embedding?.dtype && sameShape(head.shape, embedding.shape);
  return isShared && isSame ? tied : new Map();
}

/** The parameters with the second names of tied ones, which are cut as the first. */
export function withTied(parameters: ParametersMetadata, tied: ReadonlyMap<string, string>): ParametersMetadata {
  const added = [...tied].flatMap(([name, first]): [string, ParameterMetadata][] => {
    const attributes = parameters.get(first);
    return attributes && !parameters.has(name) ? [[name, attributes]] : [];
  });
  return added.length === 0 ? parameters : new Map([...parameters, ...added]);
}

/**
 * The parameters with the parallel attributes of the copies that PEFT trains instead of whole modules (modules_to_save). It deep-copies
 * the module, and `Parameter.__deepcopy__` drops attributes: the metadata calls the copy not parallel while each rank holds its
 * slice of it. `original_module` is the module that was copied, so its attributes are right, unless the saved tensor has all rows
 * of the vocabulary.
 */
export function withSavedModules(
  parameters: ParametersMetadata,
  saved: LocalKinds,
  vocabSize: number | undefined,
): ParametersMetadata {
  const corrected = [...parameters].flatMap(([name, attributes]): [string, ParameterMetadata][] => {
    const copied = attributes.tensorModelParallel ? null : originalModuleName(name);
    const original = copied === null ? undefined : parameters.get(copied);
    if (!original?.tensorModelParallel) return [];
    const rows = saved.get(removeAdapterName(name))?.shape[original.partitionDim ?? 0];
    return rows !== undefined && rows === vocabSize ? [] : [[name, original]];
  });
  return corrected.length === 0 ? parameters : new Map([...parameters, ...corrected]);
}
