export { readSafetensors, type SafetensorsFile } from './reader.ts';
export { layoutSafetensors, type SafetensorsLayout, type TensorToWrite } from './writer.ts';
