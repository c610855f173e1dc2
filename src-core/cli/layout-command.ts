import { printable, printableJson } from '../errors.ts';
import { parameterLayout, type ParameterLayout } from '../inspect/layout.ts';
import { transformationInWords } from '../inspect/words.ts';
import { weightOf } from '../inspect/parts.ts';
import { formatPlural, formatShape } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import type { OpeningFlags } from './opening.ts';
import { openFor } from './parameter-argument.ts';
import { styled } from './terminal.ts';

export interface LayoutFlags extends OpeningFlags {
  readonly json?: boolean;
}

/** `shardloom layout FOLDER PARAMETER`: which rank holds what of a parameter. Returns the exit code. */
export function layoutCommand(folder: string, parameter: string, { json = false, ...opening }: LayoutFlags): number {
  const { checkpoint, parts, part, name } = openFor(folder, parameter, opening);
  const layout = parameterLayout(parts, checkpoint.config, part, name);
  const words = transformationInWords(weightOf(parts, part, name));
  process.stdout.write(json ? `${printableJson({ ...layout, transformation: words })}\n` : text(layout, words));
  return EXIT.done;
}

function text({ row, tensors, words, others }: ParameterLayout, transformation: readonly string[]): string {
  const lines = [
    `${styled('bold', printable(row.name))}  ${row.dtype} ${formatShape(row.shape)}`,
    ...transformation.map((sentence) => `  ${printable(sentence)}`),
    '',
    styled('bold', formatPlural(tensors.length, 'tensor')),
  ];
  tensors.forEach((tensor, index) => {
    const beside = [...new Set(others.filter((other) => other.tensor === index).map(({ name }) => name))];
    lines.push(
      `  ${printable(words[index]!)}`,
      styled(
        'dim',
        `    ${printable(tensor.name)}  ${formatShape(tensor.shape)}  ${printable(tensor.file)} at ${tensor.byteOffset}`,
      ),
    );
    if (beside.length > 0) lines.push(styled('dim', `    beside it: ${beside.map(printable).join(', ')}`));
  });
  return `${lines.join('\n')}\n`;
}
