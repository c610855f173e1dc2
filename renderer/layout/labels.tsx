import clsx from 'clsx';
import type { Rect } from '../../src-core/inspect/drawing/boxes.ts';
import { LABEL_HEIGHT, type LayoutPicture as Picture } from '../../src-core/inspect/drawing/layout-picture.ts';
import type { ParameterLayout } from '../../src-core/index.ts';
import { captionSize, rankName, tickStep } from './label-sizes.ts';
import { shortName } from './colours.ts';
import styles from './picture.module.css';

/** What is written into a block of the original: its head, or the rank that it is taken from. */
export function labelOf({ blocks, tensors }: ParameterLayout, index: number): string {
  const { head, kvHead, tensor } = blocks[index]!;
  if (head !== null) return String(head);
  if (kvHead !== null) return `KV ${kvHead}`;
  return `TP ${tensors[tensor]!.rank?.tp ?? 0}`;
}

/** What is written into a block on its rank: its head, or which of the parameters there it is. */
export function localLabel(layout: ParameterLayout, index: number): string {
  const { head, kvHead } = layout.blocks[index]!;
  if (head !== null || kvHead !== null) return labelOf(layout, index);
  return layout.others.length > 0 ? shortName(layout.row.name, layout.others[0]!.name) : '';
}

interface CaptionProps {
  readonly rect: Rect;
  readonly text: string;
  readonly isQuiet?: boolean;
  readonly isCopy?: boolean;
  /** Written where there is no room for it too, over what is around. */
  readonly isNeeded?: boolean;
}

/** A few letters inside a box, as large as there is room for them. */
export function Caption({ rect, text, isQuiet = false, isCopy = false, isNeeded = false }: CaptionProps) {
  const size = captionSize(rect, text);
  if (text === '' || (size === null && !isNeeded)) return null;
  return (
    <text
      className={isQuiet ? styles.quietCaption : isCopy || size === null ? styles.copyCaption : styles.caption}
      x={rect.x + rect.width / 2}
      y={rect.y + rect.height / 2}
      dy="0.36em"
      textAnchor="middle"
      style={{ fontSize: size ?? 11 }}
    >
      {text}
    </text>
  );
}

interface WholeProps {
  readonly layout: ParameterLayout;
  readonly picture: Picture;
}

/** What is written on the original: in its blocks, or below them where columns are too narrow, every so many as on an axis. */
export function OriginalNames({ layout, picture }: WholeProps) {
  const bands = layout.blocks
    .map(({ copy }, index) => ({ copy, rect: picture.blocks[index]!.original, text: labelOf(layout, index) }))
    .filter(({ copy }) => copy === 0)
    .sort((a, b) => a.rect.x - b.rect.x);
  const step = tickStep(bands);
  if (step === null) return bands.map(({ rect, text }, index) => <Caption key={index} rect={rect} text={text} />);
  const y = picture.original.y + picture.original.height + 11;
  return bands.map(({ rect, text }, index) => {
    if (index % step !== 0) return null;
    const isFirst = index === 0;
    return (
      <text
        key={index}
        className={styles.tick}
        x={isFirst ? rect.x : rect.x + rect.width / 2}
        y={y}
        textAnchor={isFirst ? 'start' : 'middle'}
      >
        {isFirst ? text : text.replace(/^\D+/, '')}
      </text>
    );
  });
}

interface RankLabelProps extends WholeProps {
  readonly tensor: number;
  /** Named in full and in full contrast. */
  readonly isChosen?: boolean;
}

/** The rank's name beside or above its box. */
export function RankLabel({ layout, picture, tensor, isChosen = false }: RankLabelProps) {
  const rect = picture.tensors[tensor]!;
  const className = clsx(styles.rank, isChosen && styles.rankChosen);
  if (picture.labels === 'beside') {
    return (
      <text className={className} x={rect.x - 8} y={rect.y + rect.height / 2} dy="0.36em" textAnchor="end">
        TP {layout.tensors[tensor]!.rank?.tp ?? 0}
      </text>
    );
  }
  const ranks = layout.tensors.map(({ rank }) => rank?.tp ?? 0);
  const name = isChosen ? `TP ${ranks[tensor]!}` : rankName(ranks, tensor, picture);
  if (name === null) return null;
  return (
    <text className={className} x={rect.x} y={rect.y - LABEL_HEIGHT + 12}>
      {name}
    </text>
  );
}

interface RankWordsProps {
  readonly rect: Rect;
  readonly words: string;
  /** Pixels to the right of the box. */
  readonly room: number;
}

/** What a rank holds, to the right of its box, as far as there is room. */
export function RankWords({ rect, words, room }: RankWordsProps) {
  if (room < LEAST_WORDS || rect.height < 12) return null;
  const sentence = words.replace(/^TP rank \d+ holds /, '').replace(/(: .*)?\.$/, '');
  return (
    <foreignObject x={rect.x + rect.width + 12} y={rect.y + rect.height / 2 - 8} width={room} height={16}>
      <p className={styles.words} title={sentence}>
        {sentence}
      </p>
    </foreignObject>
  );
}

/** Less than this says nothing. */
const LEAST_WORDS = 120;
