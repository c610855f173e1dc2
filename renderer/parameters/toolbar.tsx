import { Button, UnstyledButton } from '@mantine/core';
import { IconClipboardCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import type { ParameterRow } from '../../src-core/index.ts';
import { formatCount } from '../../src-core/units.ts';
import { copyText } from '../actions.ts';
import { FilterField } from '../components/filter-field.tsx';
import { GroupingControl } from '../components/group-head.tsx';
import type { Grouping } from '../components/grouped-lines.ts';
import styles from './parameters.module.css';
import { TAG_NAMES, TAGS, type Tag } from './tags.ts';
import { rowsAsTsv } from './tsv.ts';

interface ToolbarProps {
  readonly query: string;
  readonly onQuery: (query: string) => void;
  readonly counts: ReadonlyMap<Tag, number>;
  readonly tags: ReadonlySet<Tag>;
  readonly onTags: (tags: ReadonlySet<Tag>) => void;
  readonly grouping: Grouping;
  readonly onGrouping: (grouping: Grouping) => void;
  /** The rows that are shown, in their order: what is copied. */
  readonly shown: readonly ParameterRow[];
}

/** Filter, marks, groups, copy. */
export function Toolbar({ query, onQuery, counts, tags, onTags, grouping, onGrouping, shown }: ToolbarProps) {
  const toggle = (tag: Tag): void => {
    const after = new Set(tags);
    if (!after.delete(tag)) after.add(tag);
    onTags(after);
  };
  return (
    <div className={styles.toolbar}>
      <FilterField className={styles.filter} placeholder="Filter: layers.3 q_proj" query={query} onQuery={onQuery} />
      <div className={styles.chips} role="group" aria-label="Filter by what was done">
        {TAGS.filter((tag) => counts.has(tag)).map((tag) => (
          <UnstyledButton key={tag} className={styles.chip} aria-pressed={tags.has(tag)} onClick={() => toggle(tag)}>
            <span className={styles.tag} data-tag={tag}>
              {TAG_NAMES[tag]}
            </span>
            {formatCount(counts.get(tag)!)}
          </UnstyledButton>
        ))}
      </div>
      <div className={styles.toolbarRight}>
        <GroupingControl grouping={grouping} onGrouping={onGrouping} />
        <CopyRows shown={shown} />
      </div>
    </div>
  );
}

/** How long the button says that it has copied, in milliseconds. */
const SAID_MS = 2_000;

function CopyRows({ shown }: { readonly shown: readonly ParameterRow[] }) {
  const [isCopied, setIsCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => {
      setIsCopied(false);
    }, SAID_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [isCopied]);
  return (
    <Button
      className={styles.copy}
      variant="default"
      leftSection={<IconClipboardCopy size={15} />}
      disabled={shown.length === 0}
      title="Copy all rows that are shown as tab-separated values"
      onClick={() => {
        copyText(rowsAsTsv(shown));
        setIsCopied(true);
      }}
    >
      {isCopied ? `${formatCount(shown.length)} copied` : 'Copy as TSV'}
    </Button>
  );
}
