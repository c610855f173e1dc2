import fs from 'node:fs';
import path from 'node:path';
import { FileSink } from '../src-core/bytes/sink.ts';
import { createProductMemory } from '../src-core/execute/kernels.ts';
import { layoutSafetensors } from '../src-core/formats/safetensors/index.ts';
import { describeModel } from '../src-core/models/family.ts';
import { median } from './measure.ts';
import { MODEL } from './models.ts';

const RANK = 16;
const LINEARS = /(q|k|v|o|gate|up|down)_proj\.weight$/;

/** An adapter of rank 16 on all linears of the benchmark's model, with zeros and ones in it: speed does not depend on values. */
export function makeAdapter(folder: string): string {
  const alone = { tensorParallelSize: 1, pipelineParallelSize: 1, fuseQkv: false };
  const entries = describeModel('llama', MODEL, alone).stages.flatMap(({ originalParameters }) =>
    [...originalParameters].flatMap(([name, [rows = 0, columns = 0]]) => {
      if (!LINEARS.test(name)) return [];
      const module = `base_model.model.${name.replace(/\.weight$/, '')}`;
      return [
        { name: `${module}.lora_A.weight`, dtype: 'BF16' as const, shape: [RANK, columns] },
        { name: `${module}.lora_B.weight`, dtype: 'BF16' as const, shape: [rows, RANK] },
      ];
    }),
  );
  const layout = layoutSafetensors(entries, new Map());
  const sink = new FileSink(path.join(folder, 'adapter_model.safetensors'), layout.size);
  for (const { at, bytes } of layout.pieces) sink.write(bytes, at);
  sink.close();
  const config = { peft_type: 'LORA', r: RANK, lora_alpha: 32, target_modules: 'all-linear' };
  fs.writeFileSync(path.join(folder, 'adapter_config.json'), JSON.stringify(config));
  return folder;
}

/** The compiled loop beside the same sum in plain JavaScript, in turn: 512 rows of 4,096 columns, rank 16. */
export function productLoops(pairs: number): void {
  const [rows, columns] = [512, 4096];
  const memory = createProductMemory([rows * columns * 4, columns * RANK * 4, rows * RANK * 4]);
  const [acc, a, b] = memory.addresses as [number, number, number];
  const plain = {
    acc: new Float32Array(rows * columns),
    a: new Float32Array(RANK * columns).fill(0.5),
    b: new Float32Array(rows * RANK).fill(0.25),
  };
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let i = 0; i <= pairs; i++) {
    const compiled = seconds(() => {
      memory.kernels.addProduct32(acc, columns * 4, rows, columns / 8, a, b, RANK);
    });
    const inJavaScript = seconds(() => addProduct(plain, rows, columns));
    if (i === 0) continue;
    ratios.push(inJavaScript / compiled);
    rates.push((rows * columns * RANK) / compiled / 1e9);
  }
  console.log(`adding a product: plain loop / compiled loop  ${median(ratios).toFixed(1)}`);
  console.log(`  compiled              ${median(rates).toFixed(2)} billion multiplications per second and core`);
}

function addProduct(
  { acc, a, b }: { acc: Float32Array; a: Float32Array; b: Float32Array },
  rows: number,
  columns: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < RANK; k++) {
      const factor = b[i * RANK + k]!;
      for (let j = 0; j < columns; j++) acc[i * columns + j]! += factor * a[k * columns + j]!;
    }
  }
}

function seconds(action: () => void): number {
  const started = performance.now();
  action();
  return (performance.now() - started) / 1000;
}
