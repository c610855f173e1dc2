import { memo, useMemo } from 'react';
import { joinOf, type Join } from '../../src-core/inspect/drawing/joins.ts';
import {
  LABEL_WIDTH,
  layoutPicture,
  type LayoutPicture as Picture,
} from '../../src-core/inspect/drawing/layout-picture.ts';
import type { Rect } from '../../src-core/inspect/drawing/boxes.ts';
import type { ParameterLayout } from '../../src-core/index.ts';
import { formatPlural, formatShape } from '../../src-core/units.ts';
import { counterparts } from './blocks.ts';
import { CATEGORIES, categoryOf, partsInside, shortName, type Colouring } from './colours.ts';
import { Caption, labelOf, localLabel, RankLabel, OriginalNames, RankWords } from './labels.tsx';
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

/** The line below the original, for what narrow columns are called. */
const TICKS_HEIGHT = 14;

/** The original tensor on the left, the ranks' tensors on the right; what is pointed at stands out on both sides. */
export function LayoutPicture(props: LayoutPictureProps) {
  const { layout, colouring, width, height, chosen, differing, onPoint, onPick } = props;
  const picture = useMemo(
    () =>
      layoutPicture(
        { ...layout, shape: layout.row.shape },
        { width: width - 2 * MARGIN, height: height - 2 * MARGIN - HEAD_HEIGHT - TICKS_HEIGHT },
      ),
    [layout, width, height],
  );
  const drawnHeight = Math.ceil(picture.height) + TICKS_HEIGHT + 2 * MARGIN;
  const ranks = ranksText(layout, picture);
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
        <span title={ranks}>{ranks}</span>
      </p>
      <svg
        className={styles.picture}
        width={width}
        height={drawnHeight}
        viewBox={`${-MARGIN} ${-MARGIN} ${width} ${drawnHeight}`}
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
  const held = copies > 1 ? `, all of it ×${copies}` : '';
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

/** Everything that pointing does not change: drawn once. The boxes are faded as a whole, and what is written on them stays legible. */
const AllBlocks = memo(function AllBlocks({ layout, picture, colouring, width }: AllBlocksProps) {
  const parts = partsInside(layout);
  const { blocks, others, row, words } = layout;
  return (
    <>
      <g className={styles.boxes}>
        {[picture.original, ...picture.tensors].map((rect, index) => (
          <rect key={index} {...rect} className={styles.outline} />
        ))}
        {picture.others.map((rect, index) => (
          <rect
            key={index}
            {...rect}
            className={styles.other}
            data-category={colouring === 'part' ? (parts.indexOf(others[index]!.name) % CATEGORIES) + 1 : undefined}
          />
        ))}
        {picture.blocks.map(({ original, local }, index) => {
          const block = blocks[index]!;
          const category = categoryOf(block, layout, colouring, parts);
          return (
            <g key={index} data-category={category} className={styles.block}>
              {block.copy === 0 && <rect {...original} data-block={index} />}
              <rect {...local} data-block={index} fill={block.copy === 0 ? undefined : `url(#copy-${category})`} />
            </g>
          );
        })}
      </g>
      <g className={styles.names}>
        {picture.others.map((rect, index) => (
          <Caption key={index} rect={rect} text={shortName(others[index]!.name, row.name)} isQuiet />
        ))}
        {picture.blocks.map(({ local }, index) => (
          <Caption key={index} rect={local} text={localLabel(layout, index)} isCopy={blocks[index]!.copy > 0} />
        ))}
        <OriginalNames layout={layout} picture={picture} />
        {picture.tensors.map((rect, tensor) => (
          <g key={tensor}>
            <RankLabel layout={layout} picture={picture} tensor={tensor} />
            {picture.labels === 'beside' && (
              <RankWords rect={rect} words={words[tensor]!} room={width - rect.x - rect.width - 12 - 2 * MARGIN} />
            )}
          </g>
        ))}
      </g>
    </>
  );
});

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

interface ChosenProps extends Omit<AllBlocksProps, 'width'> {
  readonly chosen: number;
}

/** The chosen block and its counterparts, in full colour over the faded rest, joined by lines. */
function Chosen({ layout, picture, colouring, chosen }: ChosenProps) {
  const parts = partsInside(layout);
  const { original } = picture.blocks[chosen]!;
  const category = categoryOf(layout.blocks[chosen]!, layout, colouring, parts);
  const shown = counterparts(layout.blocks, chosen);
  return (
    <g className={styles.chosen}>
      {shown.map((index) => {
        const { tensor, copy } = layout.blocks[index]!;
        const join = joinOf(picture, tensor, original, picture.blocks[index]!.local);
        return <path key={index} className={styles.join} data-copy={copy > 0 || undefined} d={pathOf(join)} />;
      })}
      <rect {...original} data-category={category} className={styles.standsOut} />
      <Caption rect={original} text={labelOf(layout, chosen)} isNeeded />
      {shown.map((index) => {
        const { local } = picture.blocks[index]!;
        const block = layout.blocks[index]!;
        const own = categoryOf(block, layout, colouring, parts);
        return (
          <g key={index}>
            <rect
              {...local}
              data-category={own}
              className={styles.standsOut}
              style={block.copy === 0 ? undefined : { fill: `url(#copy-${own})` }}
            />
            <Caption rect={local} text={localLabel(layout, index)} isCopy={block.copy > 0} />
            <RankLabel layout={layout} picture={picture} tensor={block.tensor} isChosen />
          </g>
        );
      })}
    </g>
  );
}

/** The curve leaves and arrives sideways. */
function pathOf({ out, in: [first, ...others] }: Join): string {
  const last = out.at(-1)!;
  const { x, y } = first!;
  const text = (points: readonly { readonly x: number; readonly y: number }[]): string =>
    points.map((point) => `${point.x} ${point.y}`).join(' L ');
  const curve = `C ${last.x + 36} ${last.y}, ${x - 36} ${y}, ${x} ${y}`;
  return `M ${text(out)} ${curve}${others.length > 0 ? ` L ${text(others)}` : ''}`;
}
