import { useEffect, useState } from 'react';
import type { OpenedCheckpoint } from '../../electron/channels.ts';
import type { ParameterRow, Problem } from '../../src-core/index.ts';
import { ask, problemOf } from '../bridge.ts';

/** Rows of one page: few enough that the first is there at once, many enough that 100,000 are twenty questions. */
const PAGE = 5_000;

export interface Rows {
  readonly rows: readonly ParameterRow[];
  readonly problem: Problem | null;
}

/** The mapping table of a checkpoint, page by page. */
export function useRows({ checkpoint, parameterCount }: OpenedCheckpoint): Rows {
  const [state, setState] = useState<Rows>({ rows: [], problem: null });
  useEffect(() => {
    let isCurrent = true;
    const load = async (): Promise<void> => {
      const rows: ParameterRow[] = [];
      while (rows.length < parameterCount) {
        const page = await ask('checkpoint:parameters', { checkpoint, offset: rows.length, limit: PAGE });
        if (!isCurrent || page.rows.length === 0) return;
        rows.push(...page.rows);
        setState({ rows: [...rows], problem: null });
      }
    };
    load().catch((error: unknown) => {
      if (isCurrent) setState((before) => ({ ...before, problem: problemOf(error) }));
    });
    return () => {
      isCurrent = false;
    };
  }, [checkpoint, parameterCount]);
  return state;
}
