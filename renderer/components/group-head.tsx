import { SegmentedControl } from '@mantine/core';
import styles from './group-head.module.css';
import { GROUPINGS, type Grouping } from './grouped-lines.ts';

interface GroupHeadProps {
  readonly label: string;
  readonly isOpen: boolean;
  /** What is known of the rows together. */
  readonly facts: string;
}

/** What a group's line says. */
export function GroupHead({ label, isOpen, facts }: GroupHeadProps) {
  return (
    <span className={styles.head}>
      <span className={styles.chevron} data-open={isOpen || undefined} aria-hidden>
        ›
      </span>
      <span>{label}</span>
      <span className={styles.facts}>{facts}</span>
    </span>
  );
}

const GROUPING_NAMES: Readonly<Record<Grouping, string>> = {
  none: 'No groups',
  layer: 'By layer',
  module: 'By module',
};

interface GroupingControlProps {
  readonly grouping: Grouping;
  readonly onGrouping: (grouping: Grouping) => void;
}

export function GroupingControl({ grouping, onGrouping }: GroupingControlProps) {
  return (
    <SegmentedControl
      aria-label="Groups"
      value={grouping}
      data={GROUPINGS.map((value) => ({ value, label: GROUPING_NAMES[value] }))}
      onChange={(value) => {
        onGrouping(value);
      }}
    />
  );
}
