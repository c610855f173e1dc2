import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import type { DigestPage, JobId } from '../../electron/channels.ts';
import { ask } from '../bridge.ts';
import { TensorName } from '../components/tensor-name.tsx';
import styles from './jobs.module.css';

const ROW_HEIGHT = 28;
const PAGE = 10_000;

/** The digest of each tensor. Rows come in pages; only those in view are drawn. */
export function Digests({ job }: { readonly job: JobId }) {
  const [rows, setRows] = useState<DigestPage['rows']>([]);
  const scroll = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let isCurrent = true;
    const load = async (): Promise<void> => {
      let loaded: DigestPage['rows'] = [];
      for (;;) {
        const page = await ask('job:digests', { job, offset: loaded.length, limit: PAGE });
        if (!isCurrent) return;
        loaded = [...loaded, ...page.rows];
        setRows(loaded);
        if (page.rows.length === 0 || loaded.length >= page.total) return;
      }
    };
    void load();
    return () => {
      isCurrent = false;
    };
  }, [job]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  return (
    <div
      className={styles.digests}
      ref={scroll}
      tabIndex={0}
      role="table"
      aria-label="Digests"
      aria-rowcount={rows.length}
    >
      <div role="rowgroup" className={styles.digestRows} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const { name, digest } = rows[index]!;
          return (
            <div key={index} role="row" aria-rowindex={index + 1} className={styles.digest} style={{ top: start }}>
              <span role="cell" className={styles.digestName}>
                <TensorName name={name} />
              </span>
              <span role="cell" className="mono selectable">
                {digest}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
