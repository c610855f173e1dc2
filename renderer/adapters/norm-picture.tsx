import { useComputedColorScheme } from '@mantine/core';
import { useState, type KeyboardEvent } from 'react';
import type { AdapterModule, UpdateNorm } from '../../src-core/index.ts';
import { colourOf, css, HEAT_COLOURS } from '../values/heat-colours.ts';
import styles from './adapters.module.css';
import { nextCell, normMapOf, type NormCell, type NormMap } from './norm-map.ts';

const CELL = { width: 26, height: 26, gap: 2 } as const;
const LABELS = { left: 84, top: 20 } as const;
/** A label at every so many layers, so that they do not touch. */
const LABEL_EVERY = 4;
const FEW_LAYERS = 24;

interface NormPictureProps {
  readonly modules: readonly AdapterModule[];
  readonly norms: readonly UpdateNorm[];
}

/** How far each weight is moved, as layers × kinds. Arrow keys or the pointer choose a cell, which is told below. */
export function NormPicture({ modules, norms }: NormPictureProps) {
  const map = normMapOf(modules, norms);
  const [chosen, setChosen] = useState(0);
  const scheme = useComputedColorScheme('light');
  const colours = HEAT_COLOURS[scheme];
  const step = map.layers.length > FEW_LAYERS ? CELL.width / 2 : CELL.width;
  const width = LABELS.left + map.layers.length * (step + CELL.gap);
  const height = LABELS.top + map.kinds.length * (CELL.height + CELL.gap);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = nextCell(map, chosen, event.key);
    if (next === null) return;
    setChosen(next);
    event.preventDefault();
  };
  const cell = map.cells[chosen];
  return (
    <div className={styles.picture}>
      <div
        className={styles.scroll}
        tabIndex={0}
        role="img"
        aria-label="Norms of the updates, layers to the right and linears down. Arrow keys move."
        onKeyDown={onKeyDown}
      >
        <svg width={width} height={height} aria-hidden>
          <Labels map={map} step={step} />
          {map.cells.map((one, index) => (
            <rect
              key={one.module.module}
              x={LABELS.left + one.column * (step + CELL.gap)}
              y={LABELS.top + one.row * (CELL.height + CELL.gap)}
              width={step}
              height={CELL.height}
              rx={2}
              fill={one.norm === null ? 'none' : css(colourOf(one.norm, map.most, colours))}
              className={styles.cell}
              data-chosen={index === chosen || undefined}
              data-module={one.module.module}
              onPointerEnter={() => setChosen(index)}
            />
          ))}
        </svg>
      </div>
      <Scale most={map.most} from={css(colours.zero)} to={css(colours.positive)} />
      <p className={styles.readout} aria-live="polite">
        {cell && <Readout cell={cell} most={map.most} />}
      </p>
    </div>
  );
}

function Labels({ map: { layers, kinds }, step }: { readonly map: NormMap; readonly step: number }) {
  const every = layers.length > FEW_LAYERS ? LABEL_EVERY : 1;
  return (
    <g className={styles.labels}>
      <text x={LABELS.left - 8} y={12} textAnchor="end">
        layer
      </text>
      {layers.map((layer, column) => {
        if (layer !== null && column % every !== 0) return null;
        return (
          <text
            key={layer ?? 'other'}
            x={LABELS.left + column * (step + CELL.gap) + step / 2}
            y={12}
            textAnchor="middle"
          >
            {layer ?? '–'}
          </text>
        );
      })}
      {kinds.map((kind, row) => (
        <text key={kind} x={LABELS.left - 8} y={LABELS.top + row * (CELL.height + CELL.gap) + 17} textAnchor="end">
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
      <span>{normText(most)}</span>
    </div>
  );
}

function Readout({ cell: { module, norm }, most }: { readonly cell: NormCell; readonly most: number }) {
  const share = norm !== null && most > 0 ? `, ${Math.round((norm / most) * 100)} % of the largest` : '';
  return (
    <>
      <span className="mono">{module.module}</span>{' '}
      {norm === null ? 'norm not known' : `‖scaling · B·A‖ = ${normText(norm)}${share}`} · rank {module.rank}
      {module.scaling !== null && `, scaling ${Number(module.scaling.toPrecision(5))}`}
    </>
  );
}

function normText(norm: number): string {
  return String(Number(norm.toPrecision(4)));
}
