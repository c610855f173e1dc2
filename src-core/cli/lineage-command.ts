import path from 'node:path';
import { openCheckpoint } from '../models/open-checkpoint.ts';
import { printable, printableJson, ShardloomError } from '../errors.ts';
import type { Box } from '../execute/bands.ts';
import { lineagePython } from '../inspect/lineage-python.ts';
import { descendantsOf, lineageOf, storedElementAt, type LineagePiece } from '../inspect/lineage.ts';
import { partsOf, weightOf } from '../inspect/parts.ts';
import { formatPlural, formatShape } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { openFor } from './parameter-argument.ts';
import { styled } from './terminal.ts';

export interface LineageFlags extends OpeningFlags {
  readonly json?: boolean;
  readonly python?: boolean;
}

/** `shardloom lineage FOLDER PARAMETER INDEX`: where elements lie on disk. Returns the exit code. */
export function lineageCommand(folder: string, parameter: string, index: string, flags: LineageFlags): number {
  const { parts, part, name } = openFor(folder, parameter, flags);
  const lineage = lineageOf(parts, part, name, parseIndex(index, weightOf(parts, part, name).view.shape));
  if (flags.json) process.stdout.write(`${printableJson(lineage)}\n`);
  else if (flags.python) process.stdout.write(lineage.pieces.map((piece) => lineagePython(name, piece)).join('\n'));
  else process.stdout.write(`${lineage.pieces.map(pieceText).join('\n')}\n`);
  return EXIT.done;
}

/** `shardloom lineage FOLDER --file FILE --offset N`: what a byte on disk is in the original model. */
export function descendantsCommand(folder: string, file: string, offset: string, flags: LineageFlags): number {
  const parts = partsOf(openCheckpoint(folder, openOptionsOf(flags)));
  const element = /^\d+$/.test(offset) ? storedElementAt(parts, path.resolve(file), Number(offset)) : null;
  if (!element) {
    throw new ShardloomError({
      tag: 'usage',
      what: 'No tensor of the checkpoint has an element there.',
      file: path.resolve(file),
      found: `offset ${offset}`,
      expected: 'a byte offset inside a tensor of one of the checkpoint’s files',
    });
  }
  const found = descendantsOf(parts, element.tensor, element.index);
  if (flags.json) {
    process.stdout.write(`${printableJson({ ...element, descendants: found })}\n`);
    return EXIT.done;
  }
  const { tensor, index } = element;
  const lines = [
    `${styled('bold', printable(tensor.name))}[${index.join(', ')}] on TP rank ${tensor.rank?.tp ?? 0}, pipeline rank ${tensor.rank?.pp ?? 0}`,
  ];
  for (const { name, at, copy, label } of found) {
    lines.push(`  ${copy === 0 ? 'becomes' : `is a copy (${label}) of`} ${printable(name)}[${at.join(', ')}]`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.done;
}

/** Byte runs that are printed for one piece. */
const MAX_RUNS_SHOWN = 3;

function pieceText({ label, copy, tensor, at, from, size, runs, runCount }: LineagePiece): string {
  const rank = `TP rank ${tensor.rank?.tp ?? 0}, pipeline rank ${tensor.rank?.pp ?? 0}`;
  const slice = (start: readonly number[]): string =>
    start.map((first, axis) => (size[axis] === 1 ? String(first) : `${first}:${first + size[axis]!}`)).join(', ');
  const shown = runs
    .slice(0, MAX_RUNS_SHOWN)
    .map(({ offset, length }) => `${offset} (${formatPlural(length, 'byte')})`);
  const more = runCount - shown.length;
  return [
    `${styled(copy === 0 ? 'bold' : 'dim', copy === 0 ? 'taken' : `copy: ${label}`)}  [${slice(at)}]`,
    `  ${rank}: ${printable(tensor.name)}[${slice(from)}]`,
    `  ${printable(tensor.file)} at ${shown.join(', ')}${more > 0 ? ` and ${formatPlural(more, 'more run')}` : ''}`,
  ].join('\n');
}

/** `3, 96:128` as a box; an axis that is left out, or `:`, is whole. */
export function parseIndex(text: string, shape: readonly number[]): Box {
  const given = text.trim() === '' ? [] : text.replace(/^\[|\]$/g, '').split(',');
  const at: number[] = [];
  const size: number[] = [];
  shape.forEach((length, axis) => {
    const match = /^\s*(?:(\d+)|(\d*)\s*:\s*(\d*))\s*$/.exec(given[axis] ?? ':');
    const from = Number(match?.[1] ?? (match?.[2] || 0));
    const to = match?.[1] !== undefined ? from + 1 : Number(match?.[3] || length);
    if (!match || given.length > shape.length) throw badIndex(text, shape);
    at.push(from);
    size.push(to - from);
  });
  if (given.length > shape.length) throw badIndex(text, shape);
  return { at, size };
}

function badIndex(text: string, shape: readonly number[]): ShardloomError {
  return new ShardloomError({
    tag: 'usage',
    what: 'This is not an index of the parameter.',
    found: text,
    expected: `up to ${formatPlural(shape.length, 'number')} or ranges, such as 3,96:128; the shape is ${formatShape(shape)}`,
  });
}
