/** How a parameter of the Neuron model is spread over tensor parallel ranks (`mp_metadata_pp_rank_*.json`, "parameters"). */
export interface ParameterMetadata {
  readonly tensorModelParallel: boolean;
  /** The axis that is cut. */
  readonly partitionDim?: number;
  /** How many separate pieces of that axis one rank holds. */
  readonly partitionStride?: number;
  /** How many tensor parallel ranks share it. */
  readonly numPartitions?: number;
}

/** By parameter name in the Neuron model, adapter names included. */
export type ParametersMetadata = ReadonlyMap<string, ParameterMetadata>;

/**
 * How the copies of key and value heads are placed over the ranks, slot by slot: `tiled` (K0 K1 … K0 K1 …, as optimum-neuron and NxD
 * do on Trn1) or `adjacent` (K0 K0 … K1 K1 …, as NxD groups the ranks on Trn2).
 */
export type KvPlacement = 'tiled' | 'adjacent';
