import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, type KeyboardEvent } from 'react';
import type { Placement, Slice } from '../../src-core/app-door.ts';
import { bordersIn } from './borders.ts';
import { HEAT_COLOURS, limitOf, pixelsOf } from './heat-colours.ts';
import styles from './heatmap.module.css';
import type { Point, ShownHeatmap } from './pointed.ts';

interface HeatmapCanvasProps {
  readonly heatmap: ShownHeatmap | null;
  readonly label: string;
  readonly width: number;
  readonly height: number;
  /** Ranks and heads to draw over it. */
  readonly marks: Placement | null;
  /** What is wanted; the picture of it may still be on its way. */
  readonly slice: Slice;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onPoint: (at: Point | null) => void;
  readonly onPick: (at: Point) => void;
  readonly onWheel: (at: Point, factor: number) => void;
}

/** The picture itself, with what is drawn over it. */
export function HeatmapCanvas(props: HeatmapCanvasProps) {
  const { heatmap, label, width, height, marks, slice, onKeyDown, onPoint, onPick, onWheel } = props;
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
    <div className={styles.picture} style={{ width, height }}>
      <canvas
        ref={canvas}
        className={styles.canvas}
        width={heatmap?.width ?? 1}
        height={heatmap?.height ?? 1}
        style={{ width, height }}
        tabIndex={0}
        role="img"
        aria-label={label}
        data-picture={heatmap ? (heatmap.complete ? 'whole' : 'first') : 'none'}
        onKeyDown={onKeyDown}
        onMouseMove={(event) => onPoint(pointOf(event.currentTarget, event))}
        onMouseLeave={() => onPoint(null)}
        onClick={(event) => onPick(pointOf(event.currentTarget, event))}
      />
      {marks && width > 0 && <Borders marks={marks} slice={slice} width={width} height={height} />}
    </div>
  );
}

function pointOf(element: Element, event: { readonly clientX: number; readonly clientY: number }): Point {
  const { left, top, width, height } = element.getBoundingClientRect();
  const share = (value: number, length: number): number => Math.max(0, Math.min(0.999999, value / length));
  return { x: share(event.clientX - left, width), y: share(event.clientY - top, height) };
}

interface BordersProps {
  readonly marks: Placement;
  readonly slice: Slice;
  readonly width: number;
  readonly height: number;
}

function Borders({ marks, slice, width, height }: BordersProps) {
  const { ranks, heads } = bordersIn(marks, slice, { width, height });
  return (
    <svg className={styles.borders} width={width} height={height} aria-hidden>
      {heads.map((line) => (
        <line key={`${line.x1} ${line.y1}`} className={styles.head_border} {...line} />
      ))}
      {ranks.map(({ key, label, ...box }) => (
        <g key={key}>
          <rect className={styles.rank_border} {...box} />
          {label !== null && (
            <text className={styles.rank_label} x={box.x + 4} y={box.y + 11}>
              {label}
            </text>
          )}
        </g>
      ))}
    </svg>
  );
}
