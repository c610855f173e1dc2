import type { ParameterRow } from '../../src-core/index.ts';
import styles from './parameters.module.css';
import { tagOf, tagText } from './tags.ts';

/** What was done to a parameter: a colour with its words. */
export function TagMark({ row }: { readonly row: Pick<ParameterRow, 'transformation' | 'dim' | 'copies'> }) {
  return (
    <span className={styles.tag} data-tag={tagOf(row)}>
      {tagText(row)}
    </span>
  );
}
