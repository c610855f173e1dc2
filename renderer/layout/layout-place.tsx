import { SegmentedControl, Skeleton } from '@mantine/core';
import { useElementSize, useLocalStorage } from '@mantine/hooks';
import { useRef, useState } from 'react';
import type { OpenedCheckpoint } from '../../electron/channels.ts';
import type { ParameterLayout, ParameterRow } from '../../src-core/index.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';
import { EmptyPlace, PlaceHeader } from '../components/place-header.tsx';
import { ProblemCard } from '../components/problem-card.tsx';
import { Split } from '../components/split.tsx';
import { useKeptScroll } from '../components/use-kept-scroll.ts';
import { useRows } from '../parameters/use-rows.ts';
import { useReplicaCheck } from '../replicas/use-replica-check.ts';
import { useEscape } from '../escape.ts';
import type { PlaceStates } from '../stores/place-states.ts';
import { showLayout } from '../stores/session.ts';
import { usePlace } from '../stores/use-place.ts';
import { useAnswer } from '../use-answer.ts';
import { differingTensors, heldText } from './blocks.ts';
import { BlockTable } from './block-table.tsx';
import { COLOURING_NAMES, colouringsOf, type Colouring } from './colours.ts';
import { layerOf } from '../components/layer-of.ts';
import { LayerView } from './layer-view.tsx';
import styles from './layout.module.css';
import { ParameterPicker } from './parameter-picker.tsx';
import { LayoutPicture } from './picture.tsx';
import { SidePanel } from './side-panel.tsx';

type Scope = PlaceStates['layout']['scope'];

/** How a parameter, or all of a layer, is spread over the ranks. */
export function LayoutPlace({ opened }: { readonly opened: OpenedCheckpoint }) {
  const { rows } = useRows(opened);
  const [{ shown: asked, scope, scroll }, change] = usePlace('layout', opened.folder);
  if (opened.parameterCount === 0) {
    return (
      <EmptyPlace title="Layout">
        The shards cannot be joined, so there is no layout to show. The overview says why.
      </EmptyPlace>
    );
  }
  const row = rows.find(({ part, name }) => part === asked?.part && name === asked.name) ?? firstTelling(rows);
  if (!row) return <Skeleton height={300} m={24} />;
  return (
    <div className={styles.page}>
      <PlaceHeader
        title="Layout"
        answer={answerOf(row, scope, rows)}
        actions={
          <SegmentedControl
            aria-label="What is shown"
            value={scope}
            data={[
              { value: 'parameter', label: 'Parameter' },
              {
                value: 'layer',
                label: layerOf(row.name) === null ? 'Outside layers' : `Layer ${layerOf(row.name) ?? ''}`,
              },
            ]}
            onChange={(next) => change({ scope: next, scroll: 0 })}
          />
        }
      />
      {scope === 'layer' ? (
        <LayerView
          checkpoint={opened.checkpoint}
          row={row}
          rows={rows}
          onLayer={({ part, name }) => change({ shown: { part, name }, picked: null, scroll: 0 })}
          onPick={showLayout}
          scroll={{ offset: scroll, keep: (offset) => change({ scroll: offset }) }}
        />
      ) : (
        <OneParameter opened={opened} row={row} rows={rows} />
      )}
    </div>
  );
}

/** What to show before anything was chosen: query heads, where there are some. */
function firstTelling(rows: readonly ParameterRow[]): ParameterRow | undefined {
  return (
    rows.find(({ transformation, name }) => transformation === 'query heads reordered' && !name.includes('o_proj')) ??
    rows.find(({ transformation }) => transformation === 'unfused') ??
    rows[0]
  );
}

function answerOf(row: ParameterRow, scope: Scope, rows: readonly ParameterRow[]): string {
  if (scope === 'layer') {
    const layer = layerOf(row.name);
    const count = rows.filter(({ part, name }) => part === row.part && layerOf(name) === layer).length;
    return `${formatPlural(count, 'parameter')}, each as the original on the left and the ranks on the right.`;
  }
  return `${heldText(row)} Point at a region to see where it goes.`;
}

interface OneParameterProps {
  readonly opened: OpenedCheckpoint;
  readonly row: ParameterRow;
  readonly rows: readonly ParameterRow[];
}

function OneParameter({ opened, row, rows }: OneParameterProps) {
  const { checkpoint, folder } = opened;
  const { part, name } = row;
  const { kept } = useReplicaCheck(checkpoint, folder);
  const { value: layout, problem } = useAnswer('checkpoint:layout', { checkpoint, part, name });
  const [wanted, setWanted] = useLocalStorage<Colouring>({ key: 'layout-colours', defaultValue: 'kv' });
  const offered = layout ? colouringsOf(layout) : [];
  const colouring = offered.includes(wanted) ? wanted : (offered[0] ?? 'rank');
  return (
    <>
      <div className={styles.toolbar}>
        <ParameterPicker rows={rows} row={row} />
        {offered.length > 1 && (
          <div className={styles.colouring}>
            <span className="quiet">Colours are</span>
            <SegmentedControl
              aria-label="Colours are"
              value={colouring}
              data={offered.map((value) => ({ value, label: COLOURING_NAMES[value] }))}
              onChange={setWanted}
            />
          </div>
        )}
      </div>
      {problem && <ProblemCard problem={problem} />}
      {layout && (
        <Shown
          key={`${part} ${name}`}
          opened={opened}
          layout={layout}
          colouring={colouring}
          differing={differingTensors(layout, kept?.check ?? null)}
        />
      )}
    </>
  );
}

interface ShownProps {
  readonly opened: OpenedCheckpoint;
  readonly layout: ParameterLayout;
  readonly colouring: Colouring;
  readonly differing: ReadonlyMap<number, string>;
}

function Shown({ opened: { checkpoint, folder }, layout, colouring, differing }: ShownProps) {
  const { ref, width, height } = useElementSize();
  const [pointed, setPointed] = useState<number | null>(null);
  const [{ picked, scroll }, change] = usePlace('layout', folder);
  const chosen = pointed ?? picked;
  const pick = (block: number | null): void => {
    change({ picked: block });
  };
  useEscape(picked === null ? null : () => pick(null));
  const box = useRef<HTMLDivElement>(null);
  useKeptScroll(box, { offset: scroll, keep: (offset) => change({ scroll: offset }) }, true);
  return (
    <Split
      id="layout"
      sideSize={340}
      leastSide={280}
      side={<SidePanel {...{ checkpoint, layout, colouring, differing, chosen, picked }} />}
    >
      <div className={styles.pictureScroll} ref={box}>
        <div className={styles.pictureBox} ref={ref}>
          {width > 0 && (
            <LayoutPicture
              layout={layout}
              colouring={colouring}
              width={width}
              height={Math.max(260, height)}
              chosen={chosen}
              differing={differing}
              onPoint={setPointed}
              onPick={(block) => pick(block === picked ? null : block)}
            />
          )}
        </div>
        {layout.blockCount > layout.blocks.length && (
          <p className="quiet">
            The first {formatCount(layout.blocks.length)} of {formatCount(layout.blockCount)} regions are drawn.
          </p>
        )}
        <BlockTable layout={layout} chosen={chosen} picked={picked} onPick={pick} />
      </div>
    </Split>
  );
}
