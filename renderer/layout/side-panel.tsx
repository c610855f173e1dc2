import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { byteSpan } from '../../src-core/inspect/drawing/byte-span.ts';
import type { ParameterLayout } from '../../src-core/index.ts';
import { formatBytes, formatCount, formatPlural, formatShape } from '../../src-core/units.ts';
import { MiddleName } from '../components/middle-name.tsx';
import { TensorName, WholeName } from '../components/tensor-name.tsx';
import { rangeText } from '../components/range-text.ts';
import { TagMark } from '../parameters/tag-mark.tsx';
import { showShard } from '../stores/session.ts';
import { Element } from '../values/element-lineage.tsx';
import { ValueGrid } from '../values/value-grid.tsx';
import { cellOf } from '../values/window.ts';
import { axisNames, copyText, counterparts, headText } from './blocks.ts';
import { legendOf, partsInside, type Colouring } from './colours.ts';
import styles from './side-panel.module.css';

interface SidePanelProps {
  readonly checkpoint: number;
  readonly layout: ParameterLayout;
  readonly colouring: Colouring;
  /** Tensors whose copy differs, with by how much. */
  readonly differing: ReadonlyMap<number, string>;
  readonly chosen: number | null;
  /** The block that was clicked: its values are shown. */
  readonly picked: number | null;
}

/** What the picture shows: the legend, and what is pointed at in a sentence and in figures. */
export function SidePanel({ checkpoint, layout, colouring, differing, chosen, picked }: SidePanelProps) {
  const { row } = layout;
  return (
    <aside className={styles.side} aria-label="About the layout">
      <div>
        <h2 className="selectable mono">
          <WholeName name={row.name} />
        </h2>
        <p className={styles.facts}>
          <TagMark row={row} /> {formatShape(row.shape)} · {row.dtype} · {formatBytes(row.bytes)}
        </p>
      </div>
      <Legend layout={layout} colouring={colouring} />
      {differing.size > 0 && (
        <div className={styles.differs}>
          <IconAlertTriangle size={16} aria-label="Look at this" />
          <span>
            {formatPlural(differing.size, 'copy differs', 'copies differ')} from what is taken, on{' '}
            {[...differing.keys()].map((tensor) => `TP ${layout.tensors[tensor]!.rank?.tp ?? 0}`).join(', ')}.
          </span>
        </div>
      )}
      {chosen === null ? (
        <p className="quiet">
          Point at a region, or choose one in the table with the arrow keys: it stands out with all its copies. Click it
          to read its values.
        </p>
      ) : (
        <Region layout={layout} block={chosen} differing={differing} />
      )}
      {picked !== null && <Values key={picked} checkpoint={checkpoint} layout={layout} block={picked} />}
    </aside>
  );
}

function Legend({ layout, colouring }: { readonly layout: ParameterLayout; readonly colouring: Colouring }) {
  const parts = partsInside(layout);
  return (
    <ul className={styles.legend} aria-label="Legend">
      {legendOf(layout, colouring, parts).map(({ category, text }) => (
        <li key={category}>
          <span className={styles.swatch} data-category={category} aria-hidden />
          {text}
        </li>
      ))}
      {layout.copies > 1 && (
        <li className={styles.legendWide}>
          <span className={styles.swatch} data-category={1} aria-hidden /> taken
          <svg className={styles.hatchSwatch} width="12" height="12" aria-hidden>
            <rect width="12" height="12" fill="url(#copy-1)" />
          </svg>
          copy, must be equal
        </li>
      )}
      {layout.others.length > 0 && colouring !== 'part' && (
        <li className={styles.legendWide}>
          <span className={styles.swatch} data-other aria-hidden /> other parameters
        </li>
      )}
    </ul>
  );
}

interface BlockProps {
  readonly layout: ParameterLayout;
  readonly block: number;
}

function Region({ layout, block: index, differing }: BlockProps & Pick<SidePanelProps, 'differing'>) {
  const { blocks, tensors, words, copies, row } = layout;
  const block = blocks[index]!;
  const tensor = tensors[block.tensor]!;
  const span = byteSpan(tensor, block.from, block.size);
  const names = axisNames(row.shape.length);
  const elsewhere = counterparts(blocks, index).filter((other) => other !== index);
  const head = headText(block, layout);
  return (
    <section className={styles.region} aria-live="polite">
      <p>{words[block.tensor]}</p>
      <dl className={styles.figures}>
        {head !== '' && <Fact name="This region" value={head} />}
        <Fact name="Rank" value={`TP ${tensor.rank?.tp ?? 0}, PP ${tensor.rank?.pp ?? 0}`} />
        {names.map((name, axis) => (
          <Fact key={name} name={name} value={rangeText(block.at[axis]!, block.size[axis]!)} />
        ))}
        {names.map((name, axis) => (
          <Fact key={name} name={`${name} on the rank`} value={rangeText(block.from[axis]!, block.size[axis]!)} />
        ))}
        {copies > 1 && <Fact name="Copy" value={copyText(block.copy, copies)} />}
        {differing.has(block.tensor) && <Fact name="Compared" value={differing.get(block.tensor)!} />}
        {elsewhere.length > 0 && (
          <Fact
            name="Also on"
            value={[...new Set(elsewhere.map((other) => `TP ${tensors[blocks[other]!.tensor]!.rank?.tp ?? 0}`))].join(
              ', ',
            )}
          />
        )}
        <Fact
          name="Bytes"
          value={`${formatCount(span.from)} to ${formatCount(span.to - 1)}${span.contiguous ? '' : ', with others between'}`}
        />
      </dl>
      <button
        type="button"
        className={styles.file}
        title="Show it among the shards"
        onClick={() => {
          if (tensor.rank) showShard({ part: row.part, rank: tensor.rank, tensor: tensor.name });
        }}
      >
        <TensorName name={tensor.name} />
        <MiddleName text={tensor.file} tail={30} className="mono" />
      </button>
    </section>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="selectable">{value}</dd>
    </div>
  );
}

/** The numbers of the original parameter, from the region's first element on. */
function Values({ checkpoint, layout, block }: BlockProps & { readonly checkpoint: number }) {
  const { part, name, shape } = layout.row;
  const target = { part, name, rank: null };
  const [cell, setCell] = useState(cellOf(layout.blocks[block]!.at));
  return (
    <section className={styles.values} aria-label="Values">
      <h3>Values</h3>
      <ValueGrid checkpoint={checkpoint} target={target} shape={shape} rows={6} cell={cell} onCell={setCell} />
      <Element checkpoint={checkpoint} target={target} shape={shape} cell={cell} />
    </section>
  );
}
