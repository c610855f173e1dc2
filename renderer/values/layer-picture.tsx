import { useComputedColorScheme } from '@mantine/core';
import { useState, type KeyboardEvent, type ReactNode } from 'react';
import { colourOf, css, HEAT_COLOURS } from './heat-colours.ts';
import { layerMapOf, nextCell, type LayerMap, type MapItem } from './layer-map.ts';
import styles from './layer-picture.module.css';

const CELL = { width: 26, height: 18, gap: 2 } as const;
/** Room for labels: 11 px of a monospaced font take 6.7 px a character. */
const LABELS = { top: 20, character: 6.7, gap: 16 } as const;
/** A label at every so many layers, so that they do not touch. */
const LABEL_EVERY = 4;
const FEW_LAYERS = 24;

interface LayerPictureProps<Item extends MapItem> {
  readonly items: readonly Item[];
  /** What the figures are, for those who do not see them. */
  readonly label: string;
  /** What is told of the chosen item; `most` is the largest figure. */
  readonly readout: (item: Item, most: number) => ReactNode;
  readonly onChoose?: (item: Item) => void;
  /** What is chosen elsewhere, by name: framed and told until another cell is pointed at. Absent: what stands out most. */
  readonly shown?: string | null;
}

/** One figure for each weight, as layers × kinds. Arrow keys or the pointer choose a cell, which is told below. */
export function LayerPicture<Item extends MapItem>({
  items,
  label,
  readout,
  onChoose,
  shown,
}: LayerPictureProps<Item>) {
  const map = layerMapOf(items);
  const [pointed, setChosen] = useState<number | null>(null);
  const [lastShown, setLastShown] = useState(shown);
  if (shown !== lastShown) {
    setLastShown(shown);
    setChosen(null);
  }
  const most = map.cells.findIndex(({ item }) => item.value === map.most);
  const told = typeof shown === 'string' ? map.cells.findIndex(({ item }) => item.name === shown) : Math.max(0, most);
  const chosen = pointed ?? told;
  const scheme = useComputedColorScheme('light');
  const colours = HEAT_COLOURS[scheme];
  const step = map.layers.length > FEW_LAYERS ? CELL.width / 2 : CELL.width;
  const left = Math.ceil(Math.max(5, ...map.kinds.map((kind) => kind.length)) * LABELS.character) + LABELS.gap;
  const width = left + map.layers.length * (step + CELL.gap);
  const height = LABELS.top + map.kinds.length * (CELL.height + CELL.gap);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = nextCell(map, chosen, event.key);
    const item = map.cells[chosen]?.item;
    if (event.key === 'Enter' && onChoose && item) onChoose(item);
    else if (next !== null) setChosen(next);
    else return;
    event.preventDefault();
  };
  const cell = map.cells[chosen];
  return (
    <div className={styles.picture}>
      <div
        className={styles.scroll}
        tabIndex={0}
        role="img"
        aria-label={`${label}, layers to the right and kinds of weights down. Arrow keys move.`}
        onKeyDown={onKeyDown}
      >
        <svg
          width={width}
          height={height}
          aria-hidden
          onPointerLeave={() => {
            if (shown !== undefined) setChosen(null);
          }}
        >
          <Labels map={map} step={step} left={left} />
          {map.cells.map((one, index) => (
            <rect
              key={one.item.name}
              x={left + one.column * (step + CELL.gap)}
              y={LABELS.top + one.row * (CELL.height + CELL.gap)}
              width={step}
              height={CELL.height}
              rx={2}
              fill={one.item.value === null ? 'none' : css(colourOf(one.item.value, map.most, colours))}
              className={styles.cell}
              data-chosen={index === chosen || undefined}
              onPointerEnter={() => setChosen(index)}
              onClick={() => onChoose?.(one.item)}
            />
          ))}
        </svg>
      </div>
      <div className={styles.foot}>
        <Scale most={map.most} from={css(colours.zero)} to={css(colours.positive)} />
        <p className={styles.readout} aria-live="polite">
          {cell && readout(cell.item, map.most)}
        </p>
      </div>
    </div>
  );
}

function Labels({
  map: { layers, kinds },
  step,
  left,
}: {
  readonly map: Pick<LayerMap<MapItem>, 'layers' | 'kinds'>;
  readonly step: number;
  /** Where the cells begin. */
  readonly left: number;
}) {
  const every = layers.length > FEW_LAYERS ? LABEL_EVERY : 1;
  return (
    <g className={styles.labels}>
      <text x={left - 8} y={12} textAnchor="end">
        layer
      </text>
      {layers.map((layer, column) => {
        if (layer !== null && column % every !== 0) return null;
        return (
          <text key={layer ?? 'other'} x={left + column * (step + CELL.gap) + step / 2} y={12} textAnchor="middle">
            {layer ?? '–'}
          </text>
        );
      })}
      {kinds.map((kind, row) => (
        <text key={kind} x={left - 8} y={LABELS.top + row * (CELL.height + CELL.gap) + 13} textAnchor="end">
          {kind}
        </text>
      ))}
    </g>
  );
}

function Scale({ most, from, to }: { readonly most: number; readonly from: string; readonly to: string }) {
  return (
    <div className={styles.scale}>
      <span>0</span>
      <span className={styles.ramp} style={{ background: `linear-gradient(to right, ${from}, ${to})` }} />
      <span>{figureText(most)}</span>
    </div>
  );
}

/** A figure of the scale. */
export function figureText(value: number): string {
  return String(Number(value.toPrecision(4)));
}
