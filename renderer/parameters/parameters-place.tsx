import { useLocalStorage } from '@mantine/hooks';
import { useMemo } from 'react';
import type { OpenedCheckpoint } from '../../electron/channels.ts';
import { ProblemCard } from '../components/problem-card.tsx';
import { groupedLines, toggled, type Grouping } from '../components/grouped-lines.ts';
import { EmptyPlace, PlaceHeader } from '../components/place-header.tsx';
import { Split } from '../components/split.tsx';
import { useEscape } from '../escape.ts';
import { usePlace } from '../stores/use-place.ts';
import { answerOf } from './answer.ts';
import { filterRows, groupOf, sortRows, tagCounts } from './arrange.ts';
import { ParameterPanel } from './parameter-panel.tsx';
import { ParameterTable } from './parameter-table.tsx';
import styles from './parameters.module.css';
import { Toolbar } from './toolbar.tsx';
import type { ParameterName } from '../stores/place-states.ts';
import type { Tag } from './tags.ts';
import { useRows } from './use-rows.ts';

/** Every original parameter, what it comes from and how; one of them whole at the side. */
export function ParametersPlace({ opened }: { readonly opened: OpenedCheckpoint }) {
  if (opened.parameterCount === 0) return <NothingJoined opened={opened} />;
  return <Mapping opened={opened} />;
}

function NothingJoined({ opened: { summary } }: { readonly opened: OpenedCheckpoint }) {
  const errors = summary.findings.filter(({ severity }) => severity === 'error');
  return (
    <div className={styles.nothing}>
      <PlaceHeader title="Parameters" answer="The shards cannot be joined, so there is no mapping to show." />
      {errors.slice(0, 3).map((finding, index) => (
        <ProblemCard key={index} problem={finding} severity="error" />
      ))}
    </div>
  );
}

const NO_TAGS: ReadonlySet<Tag> = new Set();

function Mapping({ opened }: { readonly opened: OpenedCheckpoint }) {
  const { rows, problem } = useRows(opened);
  const [state, change] = usePlace('parameters', opened.folder);
  const { query, tags, sort, closed, scroll } = state;
  const [grouping, setGrouping] = useLocalStorage<Grouping>({
    key: 'parameters-grouping',
    defaultValue: 'none',
    getInitialValueInEffect: false,
  });
  const shown = useMemo(
    () => rows.find(({ part, name }) => part === state.shown?.part && name === state.shown.name) ?? null,
    [rows, state.shown],
  );
  const show = (shownNext: ParameterName | null): void => {
    change({ shown: shownNext && { part: shownNext.part, name: shownNext.name } });
  };
  useEscape(shown && (() => show(null)));
  const withParts = useMemo(() => new Set(rows.map(({ part }) => part)).size > 1, [rows]);
  const filtered = useMemo(() => filterRows(rows, { query, tags, sort: null }), [rows, query, tags]);
  const arranged = useMemo(() => sortRows(filtered, sort), [filtered, sort]);
  const lines = useMemo(() => {
    const isGrouped = grouping !== 'none' || withParts;
    return groupedLines(
      arranged.length,
      isGrouped ? (index) => groupOf(arranged[index]!, grouping, withParts) : null,
      closed,
    );
  }, [arranged, grouping, withParts, closed]);
  const counts = useMemo(() => tagCounts(rows), [rows]);
  const toggle = (key: string): void => {
    change({ closed: toggled(closed, key) });
  };
  return (
    <div className={styles.page}>
      <PlaceHeader title="Parameters" answer={answerOf(rows, opened)} />
      {problem && <ProblemCard problem={problem} />}
      <Toolbar
        query={query}
        onQuery={(next) => change({ query: next })}
        counts={counts}
        tags={tags}
        onTags={(next) => change({ tags: next })}
        grouping={grouping}
        onGrouping={setGrouping}
        shown={arranged}
      />
      <Split
        id="parameters"
        sideSize={420}
        leastSide={300}
        side={
          shown ? (
            <ParameterPanel
              key={`${shown.part} ${shown.name}`}
              checkpoint={opened.checkpoint}
              row={shown}
              onClose={() => show(null)}
            />
          ) : undefined
        }
      >
        {rows.length > 0 && arranged.length === 0 ? (
          <EmptyPlace
            title="Nothing matches"
            action={
              <ClearFilter
                onClear={() => {
                  change({ query: '', tags: NO_TAGS });
                }}
              />
            }
          >
            No parameter has all of these words in its name and one of these marks.
          </EmptyPlace>
        ) : (
          <ParameterTable
            rows={arranged}
            lines={lines}
            sort={sort}
            onSort={(next) => change({ sort: next })}
            onToggle={toggle}
            shown={shown}
            onShow={show}
            scroll={{ offset: scroll, keep: (offset) => change({ scroll: offset }) }}
            total={opened.parameterCount}
            loaded={rows.length}
          />
        )}
      </Split>
    </div>
  );
}

function ClearFilter({ onClear }: { readonly onClear: () => void }) {
  return (
    <button type="button" className={styles.link} onClick={onClear}>
      Clear the filter
    </button>
  );
}
