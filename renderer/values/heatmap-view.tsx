import { ActionIcon, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { IconArrowsMaximize, IconBorderAll, IconMinus, IconPlus } from '@tabler/icons-react';
import { useState, type KeyboardEvent } from 'react';
import type { DifferenceName, PictureRequest, TensorRequest } from '../../electron/channels.ts';
import type { Placement, Problem, Slice } from '../../src-core/app-door.ts';
import { placeAt } from '../../src-core/inspect/drawing/placement.ts';
import { tableSize } from '../../src-core/inspect/drawing/table.ts';
import { ProblemCard } from '../components/problem-card.tsx';
import { rangeText } from '../components/range-text.ts';
import { useAnswer } from '../use-answer.ts';
import { css, HEAT_COLOURS, limitOf } from './heat-colours.ts';
import { HeatmapCanvas } from './heatmap-canvas.tsx';
import styles from './heatmap.module.css';
import { placeText, pointedAt, pointedText, type Point, type Pointed, type ShownHeatmap } from './pointed.ts';
import { indexOf, shortValue } from './window.ts';
import { panned, wholeSlice, zoomed } from './zoom.ts';

/** The picture's height at most, in pixels. */
const TALLEST = 240;

/** A cell of the picture on the screen, in pixels. */
const CELL = 2;

/** What is drawn: a tensor's values, or where the two sides of a comparison differ. */
export type PictureSource =
  | { readonly channel: 'tensor:heatmap'; readonly of: TensorRequest }
  | { readonly channel: 'diff:heatmap'; readonly of: DifferenceName };

interface HeatmapViewProps {
  readonly title: string;
  readonly source: PictureSource;
  readonly shape: readonly number[];
  /** Where on the axes before the last two. */
  readonly leading: readonly number[];
  /** Ranks and heads to draw over it, where they are known. */
  readonly marks?: Placement | null;
  /** A click. */
  readonly onPick: (pointed: Pointed) => void;
}

/** A tensor as colours: of all of it at first, sharper while zooming in. */
export function HeatmapView({ title, source, shape, leading, marks = null, onPick }: HeatmapViewProps) {
  const { ref, width } = useElementSize();
  const [shown, setShown] = useState(() => wholeSlice(shape, leading));
  const [isMarked, setIsMarked] = useState(true);
  const slice = { ...shown, leading };
  const height = heightFor(shape, width);
  const size = { width: Math.max(1, Math.floor(width / CELL)), height: Math.max(1, Math.floor(height / CELL)) };
  const { heatmap, problem } = usePicture(source, width > 0 ? { slice, ...size } : null);
  const [pointed, setPointed] = useState<Point | null>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = keyed(event.key, slice, shape);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    setShown(next);
  };
  const isDifference = source.channel === 'diff:heatmap';
  const under = heatmap && pointed && pointedAt(heatmap, pointed);
  const place = under && marks && placeText(placeAt(marks, indexOf({ leading, ...under }, shape.length)));
  return (
    <section className={styles.heatmap} aria-label={title} ref={ref}>
      <header className={styles.head}>
        <h3>{title}</h3>
        {marks && (marks.regions.length > 0 || marks.heads) && (
          <ActionIcon
            size="sm"
            aria-label="Borders of ranks and heads"
            title="Borders of ranks and heads"
            aria-pressed={isMarked}
            color={isMarked ? 'blue' : 'gray'}
            onClick={() => {
              setIsMarked(!isMarked);
            }}
          >
            <IconBorderAll size={14} />
          </ActionIcon>
        )}
        <Zoom slice={slice} shape={shape} onShow={setShown} />
      </header>
      {problem && <ProblemCard problem={problem} />}
      <HeatmapCanvas
        heatmap={heatmap}
        label={`${isDifference ? 'Differences' : 'Values'} as colours. Plus and minus zoom, arrow keys move, 0 shows all of it; the numbers stand below.`}
        width={width}
        height={height}
        marks={isMarked ? marks : null}
        slice={slice}
        onKeyDown={onKeyDown}
        onPoint={setPointed}
        onPick={(at) => {
          if (heatmap) onPick(pointedAt(heatmap, at));
        }}
        onWheel={(at, factor) => {
          setShown(zoomed(slice, shape, factor, at.x, at.y));
        }}
      />
      <Scale heatmap={heatmap} where={whereText(slice, shape)} />
      <p className={styles.readout}>
        <span>{under ? pointedText(under, isDifference) : heatmap && !heatmap.complete ? 'refining' : ''}</span>
        {place !== null && place !== '' && <span className={styles.place}>{place}</span>}
      </p>
    </section>
  );
}

/** A picture from a few rows at once, then the one that has seen every element. */
function usePicture(
  { channel, of }: PictureSource,
  part: Omit<PictureRequest, 'firstOnly'> | null,
): { readonly heatmap: ShownHeatmap | null; readonly problem: Problem | null } {
  // A channel and its tensor belong together, which the compiler does not follow through the union.
  const requested = (firstOnly: boolean): never => (part && { ...of, ...part, firstOnly }) as never;
  const first = useAnswer(channel, requested(true));
  const isRough = first.value !== null && !first.value.complete;
  const whole = useAnswer(channel, isRough ? requested(false) : null);
  return { heatmap: whole.value ?? first.value, problem: first.problem ?? whole.problem };
}

function heightFor(shape: readonly number[], width: number): number {
  const { rows, columns } = tableSize(shape);
  if (rows === 1) return 24;
  return Math.max(48, Math.min(TALLEST, Math.round((width * rows) / columns)));
}

function whereText(slice: Slice, shape: readonly number[]): string {
  const { rows, columns } = tableSize(shape);
  if (slice.rows === rows && slice.columns === columns) return 'all of it';
  return `rows ${rangeText(slice.row, slice.rows)}, columns ${rangeText(slice.column, slice.columns)}`;
}

function keyed(key: string, slice: Slice, shape: readonly number[]): Slice | null {
  if (key === '+' || key === '=') return zoomed(slice, shape, 0.5, 0.5, 0.5);
  if (key === '-') return zoomed(slice, shape, 2, 0.5, 0.5);
  if (key === '0') return wholeSlice(shape, slice.leading);
  if (key === 'ArrowLeft') return panned(slice, shape, -0.25, 0);
  if (key === 'ArrowRight') return panned(slice, shape, 0.25, 0);
  if (key === 'ArrowUp') return panned(slice, shape, 0, -0.25);
  if (key === 'ArrowDown') return panned(slice, shape, 0, 0.25);
  return null;
}

interface ZoomProps {
  readonly slice: Slice;
  readonly shape: readonly number[];
  readonly onShow: (slice: Slice) => void;
}

function Zoom({ slice, shape, onShow }: ZoomProps) {
  const buttons = [
    { label: 'Zoom in', key: '+', icon: IconPlus },
    { label: 'Zoom out', key: '-', icon: IconMinus },
    { label: 'All of it', key: '0', icon: IconArrowsMaximize },
  ].map((button) => ({ ...button, next: keyed(button.key, slice, shape)! }));
  return (
    <span className={styles.zoom}>
      {buttons.map(({ label, key, icon: Icon, next }) => (
        <ActionIcon
          key={label}
          size="sm"
          aria-label={label}
          title={`${label} (${key})`}
          onClick={() => {
            onShow(next);
          }}
        >
          <Icon size={14} />
        </ActionIcon>
      ))}
    </span>
  );
}

/** What the colours mean, and what of the tensor is shown. */
function Scale({ heatmap, where }: { readonly heatmap: ShownHeatmap | null; readonly where: string }) {
  const colours = HEAT_COLOURS[useComputedColorScheme('light')];
  const limit = heatmap ? limitOf(heatmap.values) : 0;
  const gradient = `linear-gradient(to right, ${css(colours.negative)}, ${css(colours.zero)}, ${css(colours.positive)})`;
  return (
    <footer className={styles.scale}>
      <span>{heatmap ? shortValue(-limit) : ''}</span>
      <span className={styles.bar} style={{ background: gradient }} aria-hidden />
      <span>{heatmap ? shortValue(limit) : ''}</span>
      {heatmap?.values.some((value) => !Number.isFinite(value)) && (
        <>
          <span className={styles.odd} style={{ background: css(colours.odd) }} aria-hidden />
          <span>NaN, Inf</span>
        </>
      )}
      <span className={styles.where}>{where}</span>
    </footer>
  );
}
