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
