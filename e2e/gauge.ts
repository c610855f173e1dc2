import { readdirSync, readFileSync } from 'node:fs';
import type { CDPSession, ElectronApplication, Page } from '@playwright/test';

/** What an app holds at a moment, garbage put out first. Bytes, but for what is counted. Linux only. */
export interface Held {
  readonly files: number;
  readonly threads: number;
  /** Resident memory of the main process, with its threads. */
  readonly resident: number;
  readonly mainHeap: number;
  /** Buffers and the like, outside the heap. */
  readonly external: number;
  readonly pageHeap: number;
  readonly nodes: number;
  readonly listeners: number;
}

/** Looks at what a running app holds. */
export class Gauge {
  readonly #app: ElectronApplication;
  readonly #page: CDPSession;

  private constructor(app: ElectronApplication, page: CDPSession) {
    this.#app = app;
    this.#page = page;
  }

  static async on(app: ElectronApplication, page: Page): Promise<Gauge> {
    await app.evaluate(() => {
      process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
      Object.assign(globalThis, { collect: process.getBuiltinModule('node:vm').runInNewContext('gc') as unknown });
    });
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.enable');
    return new Gauge(app, session);
  }

  async read(): Promise<Held> {
    const { pid, memory } = await this.#app.evaluate(() => {
      (globalThis as unknown as { collect: () => void }).collect();
      return { pid: process.pid, memory: process.memoryUsage() };
    });
    await this.#page.send('HeapProfiler.collectGarbage');
    const { usedSize } = await this.#page.send('Runtime.getHeapUsage');
    const { nodes, jsEventListeners } = await this.#page.send('Memory.getDOMCounters');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1]);
    return {
      files: readdirSync(`/proc/${pid}/fd`).length,
      threads: field('Threads'),
      resident: field('VmRSS') * 1024,
      mainHeap: memory.heapUsed,
      external: memory.external,
      pageHeap: usedSize,
      nodes,
      listeners: jsEventListeners,
    };
  }
}

/** One line for people. */
export function inWords(held: Held): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  return (
    `${held.files} open files, ${held.threads} threads, ${megabytes(held.resident)} MB resident, heaps ` +
    `${megabytes(held.mainHeap)} and ${megabytes(held.pageHeap)} MB, ${megabytes(held.external)} MB outside, ` +
    `${held.nodes} nodes, ${held.listeners} listeners`
  );
}
