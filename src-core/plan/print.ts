import { printable } from '../errors.ts';
import { formatBytes, formatPlural, formatShape } from '../units.ts';
import { partsOfContent, plannedBytes, type Plan, type PlanRegion, type PlanTensor } from './plan.ts';

/** Regions of one tensor that are printed one by one. */
const MAX_REGIONS_SHOWN = 6;

/** A plan as text that a person can follow: each output file, its tensors, and which box of which shard fills which box. */
export function planText(plan: Plan): string {
  const lines = [
    `Reads ${formatPlural(plan.sources.length, 'stored tensor')} from ${formatPlural(plan.files.length, 'file')}, ` +
      `writes ${formatPlural(plan.outputs.length, 'file')} with ${formatBytes(plannedBytes(plan))}.`,
  ];
  for (const output of plan.outputs) {
    lines.push('', `${output.path}  ${formatBytes(output.size)}`);
    for (const tensor of output.tensors) lines.push(...tensorLines(plan, tensor));
  }
  const beside = [...plan.texts, ...plan.sidecars].map(({ path }) => path);
  if (beside.length > 0) lines.push('', `Beside them: ${beside.join(', ')}`);
  return `${lines.map(printable).join('\n')}\n`;
}

function tensorLines(plan: Plan, tensor: PlanTensor): string[] {
  const cast = tensor.dtype === tensor.sourceDtype ? tensor.dtype : `${tensor.sourceDtype} -> ${tensor.dtype}`;
  const copies =
    tensor.copies.length > 0 ? `, compared with ${formatPlural(tensor.copies.length, 'copy', 'copies')}` : '';
  const lines = [`  ${tensor.name}  ${cast} ${formatShape(tensor.shape)}  ${tensor.transformation}${copies}`];
  partsOfContent(tensor).forEach((regions, term) => {
    if (tensor.meanOf) lines.push(`    mean, ${term + 1} of ${tensor.meanOf.length}:`);
    for (const region of regions.slice(0, MAX_REGIONS_SHOWN)) lines.push(`    ${regionText(plan, region)}`);
    const more = regions.length - MAX_REGIONS_SHOWN;
    if (more > 0) lines.push(`    and ${formatPlural(more, 'more box', 'more boxes')}`);
  });
  return lines;
}

function regionText(plan: Plan, region: PlanRegion): string {
  const source = plan.sources[region.source]!;
  const rank = source.rank ? `TP rank ${source.rank.tp}, stage ${source.rank.pp}` : plan.files[source.file]!.path;
  return `${box(region.at, region.size)} <- ${source.name} ${box(region.from, region.size)} of ${rank}`;
}

/** Half-open ranges, as slices are written in Python. */
function box(at: readonly number[], size: readonly number[]): string {
  return `[${at.map((from, axis) => `${from}:${from + size[axis]!}`).join(', ')}]`;
}

/** A plan as a JSON document: bytes that are known before are given by their length. */
export function planDocument(plan: Plan): unknown {
  return {
    ...plan,
    outputs: plan.outputs.map(({ path, format, size, pieces, tensors }) => ({
      path,
      format,
      size,
      pieces: pieces.map(({ at, bytes }) => ({ at, length: bytes.byteLength })),
      tensors,
    })),
  };
}
