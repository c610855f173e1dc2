/** What is looked at now. A newer picture or sum makes the one before it worthless. */
const running = {
  heatmap: new AbortController(),
  statistics: new AbortController(),
  norms: new AbortController(),
};

/** Ends what runs of a kind, and gives the signal for what comes after it. */
export function newest(kind: keyof typeof running): AbortSignal {
  running[kind].abort();
  running[kind] = new AbortController();
  return running[kind].signal;
}
