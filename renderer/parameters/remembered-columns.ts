const KEY = 'parameters-columns';

/** Which columns are shown and how wide, as the table keeps it. */
export interface RememberedColumns {
  readonly columnVisibility: Record<string, boolean>;
  readonly columnSizing: Record<string, number>;
}

/** What was last remembered; nothing where that cannot be read. */
export function rememberedColumns(): RememberedColumns {
  const nothing = { columnVisibility: {}, columnSizing: {} };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<RememberedColumns>;
    return {
      columnVisibility: recordOf(stored.columnVisibility, 'boolean'),
      columnSizing: recordOf(stored.columnSizing, 'number'),
    };
  } catch {
    return nothing;
  }
}

export function rememberColumns(columns: RememberedColumns): void {
  localStorage.setItem(KEY, JSON.stringify(columns));
}

function recordOf<Value>(stored: unknown, type: 'boolean' | 'number'): Record<string, Value> {
  if (typeof stored !== 'object' || stored === null) return {};
  return Object.fromEntries(Object.entries(stored).filter(([, value]) => typeof value === type));
}
