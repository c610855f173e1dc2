import fs from 'node:fs';
import type { ElectronApplication } from '@playwright/test';

/**
 * Resident memory of all of the app's processes in bytes. On Linux what processes share is divided among them
 * (proportional set size); elsewhere it is counted for each.
 */
export async function residentBytes(app: ElectronApplication): Promise<number> {
  const processes = await app.evaluate(({ app: main }) =>
    main.getAppMetrics().map(({ pid, memory }) => ({ pid, kilobytes: memory.workingSetSize })),
  );
  return processes.reduce((sum, { pid, kilobytes }) => sum + (proportionalBytes(pid) ?? kilobytes * 1024), 0);
}

function proportionalBytes(pid: number): number | null {
  try {
    const text = fs.readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
    const kilobytes = /^Pss:\s+(\d+) kB/m.exec(text)?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
