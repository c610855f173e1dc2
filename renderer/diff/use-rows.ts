import { useEffect, useState } from 'react';
import type { JobId } from '../../electron/channels.ts';
import type { DiffRow } from '../../src-core/index.ts';
import { ask } from '../bridge.ts';

const PAGE = 10_000;

/** All rows of a comparison, page by page. */
export function useDiffRows(job: JobId | null): readonly DiffRow[] {
  const [state, setState] = useState<{ readonly job: JobId | null; readonly rows: readonly DiffRow[] }>({
    job: null,
    rows: [],
  });
  useEffect(() => {
    if (job === null) return undefined;
    let isCurrent = true;
    const load = async (): Promise<void> => {
      let rows: readonly DiffRow[] = [];
      for (;;) {
        const page = await ask('diff:rows', { job, offset: rows.length, limit: PAGE });
        if (!isCurrent) return;
        rows = [...rows, ...page.rows];
        setState({ job, rows });
        if (page.rows.length === 0 || rows.length >= page.total) return;
      }
    };
    void load();
    return () => {
      isCurrent = false;
    };
  }, [job]);
  return state.job === job ? state.rows : [];
}
