import { memo, useMemo } from 'react';
import {
  LABEL_HEIGHT,
  LABEL_WIDTH,
  layoutPicture,
  type LayoutPicture as Picture,
} from '../../src-core/inspect/drawing/layout-picture.ts';
import type { Rect } from '../../src-core/inspect/drawing/boxes.ts';
import type { ParameterLayout } from '../../src-core/index.ts';
import { formatPlural, formatShape } from '../../src-core/units.ts';
import { counterparts } from './blocks.ts';
import { CATEGORIES, categoryOf, partsInside, shortName, type Colouring } from './colours.ts';
import styles from './picture.module.css';

interface LayoutPictureProps {
  readonly layout: ParameterLayout;
  readonly colouring: Colouring;
  readonly width: number;
  readonly height: number;
  /** The block that stands out, with its counterparts. */
  readonly chosen: number | null;
  /** Tensors whose copy differs from what is taken. */
  readonly differing: ReadonlyMap<number, string>;
  readonly onPoint: (block: number | null) => void;
  readonly onPick: (block: number) => void;
}

/** Space around what is drawn, for the outlines of what stands out. */
const MARGIN = 4;

/** The line above the picture, in pixels. */
const HEAD_HEIGHT = 20;

/** The original tensor on the left, the ranks' tensors on the right; what is pointed at stands out on both sides. */
export function LayoutPicture(props: LayoutPictureProps) {
  const { layout, colouring, width, height, chosen, differing, onPoint, onPick } = props;
  const picture = useMemo(
    () =>
      layoutPicture(
        { ...layout, shape: layout.row.shape },
        { width: width - 2 * MARGIN, height: height - 2 * MARGIN - HEAD_HEIGHT },
      ),
    [layout, width, height],
  );
  const blockOf = (target: EventTarget): number | null => {
    const index = (target as SVGElement).dataset.block;
    return index === undefined ? null : Number(index);
  };
  return (
    <>
      <p className={styles.pictureHead}>
        <span style={{ minWidth: picture.tensors[0]!.x - (picture.labels === 'beside' ? LABEL_WIDTH : 0) + MARGIN }}>
          Original {formatShape(layout.row.shape)}
        </span>
        <span>{ranksText(layout, picture)}</span>
      </p>
      <svg
        className={styles.picture}
        width={width}
        height={Math.ceil(picture.height) + 2 * MARGIN}
        viewBox={`${-MARGIN} ${-MARGIN} ${width} ${Math.ceil(picture.height) + 2 * MARGIN}`}
        role="img"
        aria-label={`${layout.row.name}: the original tensor on the left, ${layout.tensors.length} tensors of the ranks on the right. The table below says the same.`}
        data-choosing={chosen !== null || undefined}
        onMouseMove={({ target }) => onPoint(blockOf(target))}
        onMouseLeave={() => onPoint(null)}
        onClick={({ target }) => {
          const block = blockOf(target);
          if (block !== null) onPick(block);
        }}
      >
        <Patterns />
        <AllBlocks layout={layout} picture={picture} colouring={colouring} width={width} />
        {[...differing.keys()].map((tensor) => (
          <DiffersMark key={tensor} rect={picture.tensors[tensor]!} />
        ))}
        {chosen !== null && <Chosen layout={layout} picture={picture} colouring={colouring} chosen={chosen} />}
      </svg>
    </>
  );
}

/** What is on the right and how it is drawn. */
function ranksText({ tensors, copies }: ParameterLayout, { magnification }: Picture): string {
  const shapes = new Set(tensors.map(({ shape }) => formatShape(shape)));
  const each = shapes.size === 1 ? `, each ${[...shapes].join()}` : '';
  const scale = Math.abs(magnification - 1) < 0.01 ? 'same scale' : `drawn ${formatFactor(magnification)} as large`;
  const held = copies > 1 ? `, everything ×${copies}` : '';
  return `${formatPlural(tensors.length, 'tensor')} on the ranks${each}${held} (${scale})`;
}

function formatFactor(factor: number): string {
  return `${Number(factor.toPrecision(2))} ×`;
}

/** Copies are hatched, each category in its colour. */
function Patterns() {
  return (
    <defs>
      {Array.from({ length: CATEGORIES }, (_, index) => (
        <pattern
          key={index}
          id={`copy-${index + 1}`}
          width="6"
          height="6"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect className={styles.hatchGround} data-category={index + 1} width="6" height="6" />
          <rect className={styles.hatchLine} data-category={index + 1} width="2.5" height="6" />
        </pattern>
      ))}
    </defs>
  );
}

interface AllBlocksProps {
  readonly layout: ParameterLayout;
  readonly picture: Picture;
  readonly colouring: Colouring;
  readonly width: number;
}

/** Everything that pointing does not change: drawn once, faded as a whole. */
const AllBlocks = memo(function AllBlocks({ layout, picture, colouring, width }: AllBlocksProps) {
  const parts = partsInside(layout);
  const { blocks, tensors, others, row } = layout;
  return (
    <g className={styles.all}>
      {[picture.original, ...picture.tensors].map((rect, index) => (
        <rect key={index} {...rect} className={styles.outline} />
      ))}
      {picture.others.map((rect, index) => (
        <g key={index}>
          <rect
            {...rect}
            className={styles.other}
            data-category={colouring === 'part' ? (parts.indexOf(others[index]!.name) % CATEGORIES) + 1 : undefined}
          />
          <Caption rect={rect} text={shortName(others[index]!.name, row.name)} isQuiet />
        </g>
      ))}
      {picture.blocks.map(({ original, local }, index) => {
        const block = blocks[index]!;
        const category = categoryOf(block, layout, colouring, parts);
        const text = labelOf(layout, index);
        return (
          <g key={index} data-category={category} className={styles.block}>
            {block.copy === 0 && <rect {...original} data-block={index} />}
            {block.copy === 0 && <Caption rect={original} text={text} />}
            <rect {...local} data-block={index} fill={block.copy === 0 ? undefined : `url(#copy-${category})`} />
            <Caption rect={local} text={localLabel(layout, index)} isCopy={block.copy > 0} />
          </g>
        );
      })}
      {picture.tensors.map((rect, index) => (
        <RankLabel
          key={index}
          rect={rect}
          text={`TP ${tensors[index]!.rank?.tp ?? 0}`}
          picture={picture}
          words={layout.words[index]!}
          room={width - rect.x - rect.width - 24}
        />
      ))}
    </g>
  );
});

/** What is written into a block of the original: its head, or the rank that it is taken from. */
function labelOf({ blocks, tensors }: ParameterLayout, index: number): string {
  const { head, kvHead, tensor } = blocks[index]!;
  if (head !== null) return String(head);
  if (kvHead !== null) return `KV ${kvHead}`;
  return `TP ${tensors[tensor]!.rank?.tp ?? 0}`;
}

/** What is written into a block on its rank: its head, or which of the parameters there it is. */
function localLabel(layout: ParameterLayout, index: number): string {
  const { head, kvHead } = layout.blocks[index]!;
  if (head !== null || kvHead !== null) return labelOf(layout, index);
  return layout.others.length > 0 ? shortName(layout.row.name, layout.others[0]!.name) : '';
}

interface CaptionProps {
  readonly rect: Rect;
  readonly text: string;
  readonly isQuiet?: boolean;
  readonly isCopy?: boolean;
}

/** A few letters inside a box, where there is room for them. */
function Caption({ rect, text, isQuiet = false, isCopy = false }: CaptionProps) {
  const size = Math.min(11, rect.height - 0.5);
  if (text === '' || size < 7.5 || rect.width < text.length * 6.5 + 4) return null;
  return (
    <text
      className={isQuiet ? styles.quietCaption : isCopy ? styles.copyCaption : styles.caption}
      x={rect.x + rect.width / 2}
      y={rect.y + rect.height / 2}
      dy="0.36em"
      textAnchor="middle"
      style={{ fontSize: size }}
    >
      {text}
    </text>
  );
}

/** Around a tensor whose copy differs, with the sign for it. */
function DiffersMark({ rect }: { readonly rect: Rect }) {
  return (
    <g className={styles.differs}>
      <rect x={rect.x - 2} y={rect.y - 2} width={rect.width + 4} height={rect.height + 4} />
      <text x={rect.x + rect.width} y={rect.y + Math.min(12, rect.height)} textAnchor="end">
        ≠
      </text>
    </g>
  );
}

interface RankLabelProps {
  readonly rect: Rect;
  readonly text: string;
  readonly picture: Picture;
  readonly words: string;
  /** Pixels to the right of the box. */
  readonly room: number;
}

/** The rank's name beside or above its box; with enough room, what it holds too. */
function RankLabel({ rect, text, picture, words, room }: RankLabelProps) {
  if (picture.labels === 'above') {
    return rect.width < text.length * 5 ? null : (
      <text className={styles.rank} x={rect.x} y={rect.y - LABEL_HEIGHT + 12}>
        {text}
      </text>
    );
  }
  const middle = rect.y + rect.height / 2;
  const sentence = words.replace(/^TP rank \d+ holds /, '').replace(/(: .*)?\.$/, '');
  const letters = Math.floor(room / 6);
  return (
    <>
      <text className={styles.rank} x={rect.x - 8} y={middle} dy="0.36em" textAnchor="end">
        {text}
      </text>
      {letters > 24 && rect.height >= 12 && (
        <text className={styles.words} x={rect.x + rect.width + 12} y={middle} dy="0.36em">
          {sentence.length > letters ? `${sentence.slice(0, letters - 1)}…` : sentence}
        </text>
      )}
    </>
  );
}

interface ChosenProps extends Omit<AllBlocksProps, 'width'> {
  readonly chosen: number;
}

/** The chosen block and its counterparts, in full colour over the faded rest, joined by lines. */
function Chosen({ layout, picture, colouring, chosen }: ChosenProps) {
  const parts = partsInside(layout);
  const { original } = picture.blocks[chosen]!;
  const start = { x: original.x + original.width, y: original.y + original.height / 2 };
  const category = categoryOf(layout.blocks[chosen]!, layout, colouring, parts);
  return (
    <g className={styles.chosen}>
      <rect {...original} data-category={category} className={styles.standsOut} />
      <Caption rect={original} text={labelOf(layout, chosen)} />
      {counterparts(layout.blocks, chosen).map((index) => {
        const { local } = picture.blocks[index]!;
        const block = layout.blocks[index]!;
        const own = categoryOf(block, layout, colouring, parts);
        const y = local.y + local.height / 2;
        return (
          <g key={index}>
            <path
              className={styles.join}
              data-copy={block.copy > 0 || undefined}
              d={`M ${start.x} ${start.y} C ${start.x + 36} ${start.y}, ${local.x - 36} ${y}, ${local.x} ${y}`}
            />
            <rect
              {...local}
              data-category={own}
              className={styles.standsOut}
              style={block.copy === 0 ? undefined : { fill: `url(#copy-${own})` }}
            />
            <Caption rect={local} text={localLabel(layout, index)} isCopy={block.copy > 0} />
          </g>
        );
      })}
    </g>
  );
}
