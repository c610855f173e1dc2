import { formatBytes, formatPlural } from '../../src-core/units.ts';
import styles from './file-list.module.css';
import { MiddleName } from './middle-name.tsx';

/** Weights files that are shown by name before the rest is counted. */
const FEW = 8;

interface FileListProps {
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly tensors: number }[];
}

/** Weights files with their sizes. */
export function FileList({ files }: FileListProps) {
  const rest = files.length - FEW;
  return (
    <ul className={styles.files}>
      {files.slice(0, FEW).map(({ path, bytes, tensors }) => (
        <li key={path}>
          <MiddleName text={path} tail={28} className="mono" />
          <span>{formatPlural(tensors, 'tensor')}</span>
          <span className={styles.bytes}>{formatBytes(bytes)}</span>
        </li>
      ))}
      {rest > 0 && <li>and {formatPlural(rest, 'more file')}</li>}
    </ul>
  );
}
