import { ActionIcon, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { IconArrowsMaximize, IconMinus, IconPlus } from '@tabler/icons-react';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { tableSize } from '../../src-core/inspect/drawing/table.ts';
import type { CheckpointId } from '../../electron/channels.ts';
import type { Heatmap, Slice, TensorTarget } from '../../src-core/index.ts';
import { ProblemCard } from '../components/problem-card.tsx';
import { rangeText } from '../components/range-text.ts';
import { useAnswer } from '../use-answer.ts';
import { css, HEAT_COLOURS, limitOf, pixelsOf } from './heat-colours.ts';
import styles from './heatmap.module.css';
import { shortValue, type Cell } from './window.ts';
import { cellSpan, panned, wholeSlice, zoomed } from './zoom.ts';

/** The picture's height at most, in pixels. */
const TALLEST = 240;

/** A cell of the picture on the screen, in pixels. */
const CELL = 2;

interface HeatmapViewProps {
  readonly checkpoint: CheckpointId;
  readonly target: TensorTarget;
  readonly shape: readonly number[];
  readonly cell: Cell;
  readonly onCell: (cell: Cell) => void;
}

/** A tensor as colours: of all of it at first, sharper while zooming in. A click chooses the element whose values are shown. */
export function HeatmapView({ checkpoint, target, shape, cell, onCell }: HeatmapViewProps) {
  const { ref, width } = useElementSize();
  const [shown, setShown] = useState(() => wholeSlice(shape, cell.leading));
  const slice = { ...shown, leading: cell.leading };
  const height = heightFor(shape, width);
  const size = { width: Math.max(1, Math.floor(width / CELL)), height: Math.max(1, Math.floor(height / CELL)) };
  const request = { checkpoint, target, slice, ...size };
  // A picture from a few rows at once, then the one that has seen every element.
  const first = useAnswer('tensor:heatmap', width > 0 ? { ...request, firstOnly: true } : null);
  const whole = useAnswer(
    'tensor:heatmap',
    first.value !== null && !first.value.complete ? { ...request, firstOnly: false } : null,
  );
  const heatmap = whole.value ?? first.value;
  const problem = first.problem ?? whole.problem;
  const [pointed, setPointed] = useState<{ readonly x: number; readonly y: number } | null>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = keyed(event.key, slice, shape);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    setShown(next);
  };
  return (
    <section className={styles.heatmap} aria-label="Heatmap" ref={ref}>
      <header className={styles.head}>
        <h3>Heatmap</h3>
        <span className={styles.where}>{whereText(slice, shape)}</span>
        <Zoom slice={slice} shape={shape} onShow={setShown} />
      </header>
      {problem && <ProblemCard problem={problem} />}
      <Canvas
        heatmap={heatmap}
        width={width}
        height={height}
        onKeyDown={onKeyDown}
        onPoint={setPointed}
        onPick={(at) => {
          if (heatmap) onCell({ leading: cell.leading, ...elementAt(heatmap, at) });
        }}
        onWheel={(at, factor) => {
          setShown(zoomed(slice, shape, factor, at.x, at.y));
        }}
      />
      <Scale heatmap={heatmap} pointed={pointed} />
    </section>
  );
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

/** A point of the picture, 0 to 1 across and down. */
interface Point {
  readonly x: number;
  readonly y: number;
}

interface CanvasProps {
  readonly heatmap: Heatmap | null;
  readonly width: number;
  readonly height: number;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onPoint: (at: Point | null) => void;
  readonly onPick: (at: Point) => void;
  readonly onWheel: (at: Point, factor: number) => void;
}

function Canvas({ heatmap, width, height, onKeyDown, onPoint, onPick, onWheel }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = HEAT_COLOURS[useComputedColorScheme('light')];
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !heatmap) return;
    const pixels = pixelsOf(heatmap.values, limitOf(heatmap.values), colours);
    context.putImageData(new ImageData(pixels, heatmap.width, heatmap.height), 0, 0);
  }, [heatmap, colours]);
  const wheel = useRef(onWheel);
  useEffect(() => {
    wheel.current = onWheel;
  });
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    // React listens passively, and a passive listener cannot keep the page from scrolling.
    const listen = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) return;
      event.preventDefault();
      wheel.current(pointOf(element, event), event.deltaY > 0 ? 1.25 : 0.8);
    };
    element.addEventListener('wheel', listen, { passive: false });
    return () => {
      element.removeEventListener('wheel', listen);
    };
  }, []);
  return (
    <canvas
      ref={canvas}
      className={styles.canvas}
      width={heatmap?.width ?? 1}
      height={heatmap?.height ?? 1}
      style={{ width, height }}
      tabIndex={0}
      role="img"
      aria-label="Values as colours. Plus and minus zoom, arrow keys move, 0 shows all of it; the table below has the numbers."
      data-picture={heatmap ? (heatmap.complete ? 'whole' : 'first') : 'none'}
      onKeyDown={onKeyDown}
      onMouseMove={(event) => onPoint(pointOf(event.currentTarget, event))}
      onMouseLeave={() => onPoint(null)}
      onClick={(event) => onPick(pointOf(event.currentTarget, event))}
    />
  );
}

function pointOf(element: Element, event: { readonly clientX: number; readonly clientY: number }): Point {
  const { left, top, width, height } = element.getBoundingClientRect();
  const share = (value: number, length: number): number => Math.max(0, Math.min(0.999999, value / length));
  return { x: share(event.clientX - left, width), y: share(event.clientY - top, height) };
}

function elementAt({ slice, width, height }: Heatmap, { x, y }: Point): { row: number; column: number } {
  return {
    row: cellSpan(slice.row, slice.rows, height, Math.floor(y * height)).from,
    column: cellSpan(slice.column, slice.columns, width, Math.floor(x * width)).from,
  };
}

/** The legend; with the pointer on the picture, what is under it. */
function Scale({ heatmap, pointed }: { readonly heatmap: Heatmap | null; readonly pointed: Point | null }) {
  const colours = HEAT_COLOURS[useComputedColorScheme('light')];
  const limit = heatmap ? limitOf(heatmap.values) : 0;
  const gradient = `linear-gradient(to right, ${css(colours.negative)}, ${css(colours.zero)}, ${css(colours.positive)})`;
  return (
    <footer className={styles.scale}>
      <span>{heatmap ? shortValue(-limit) : ''}</span>
      <span className={styles.bar} style={{ background: gradient }} aria-hidden />
      <span>{heatmap ? shortValue(limit) : ''}</span>
      <span className={styles.odd} style={{ background: css(colours.odd) }} aria-hidden />
      <span>NaN, Inf</span>
      <span className={styles.pointed}>
        {heatmap && pointed ? pointedText(heatmap, pointed) : heatmap && !heatmap.complete ? 'refining' : ''}
      </span>
    </footer>
  );
}

function pointedText(heatmap: Heatmap, { x, y }: Point): string {
  const { slice, width, height, values } = heatmap;
  const [column, row] = [Math.floor(x * width), Math.floor(y * height)];
  const rows = cellSpan(slice.row, slice.rows, height, row);
  const columns = cellSpan(slice.column, slice.columns, width, column);
  const value = shortValue(values[row * width + column] ?? NaN);
  const several = rows.count * columns.count > 1;
  return `[${rangeText(rows.from, rows.count)}, ${rangeText(columns.from, columns.count)}]${several ? ' largest' : ''} ${value}`;
}
