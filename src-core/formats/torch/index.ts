/** The door to torch files: reading what torch.save wrote, and writing what torch.load reads. */
export type { TensorSpec, WritableEntry, WritableValue } from './pickled-values.ts';
export { readTorchFile } from './reader.ts';
export {
  plainJsonOf,
  singleTensorOf,
  stateDictOf,
  tensorInfoOf,
  type SavedTensor,
  type TensorInfo,
} from './state-dict.ts';
export {
  isDict,
  isDTypeToken,
  isMetaTensor,
  isTensor,
  isTensorReference,
  OrderedDict,
  type MetaTensor,
  type PickleDict,
  type PickleKey,
  type PickleValue,
  type TensorReference,
  type TorchDType,
  type TorchStorage,
  type TorchTensor,
} from './values.ts';
export {
  finishTorchArchive,
  layoutTorchArchive,
  type ArchiveLayout,
  type Piece,
  type PlacedMember,
  type PlacedTensor,
} from './writer.ts';
