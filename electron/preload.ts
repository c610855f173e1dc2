import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { Bridge } from './bridge.ts';
import type { Answer, EventChannel, OpenedCheckpoint, PageChannel } from './channels.ts';

/** The channels that a page may use. Typed as records so that none can be forgotten. */
const REQUESTS: Readonly<Record<PageChannel, true>> = {
  'app:start': true,
  'app:change-settings': true,
  'app:copy-text': true,
  'app:dismiss-trouble': true,
  'diagnostics:outline': true,
  'diagnostics:export': true,
  'diagnostics:reveal': true,
  'checkpoint:choose': true,
  'checkpoint:open-recent': true,
  'checkpoint:forget-recent': true,
  'checkpoint:open-sample': true,
  'checkpoint:reopen': true,
  'checkpoint:close': true,
  'checkpoint:parameters': true,
  'checkpoint:parameter': true,
  'checkpoint:layout': true,
  'checkpoint:lineage': true,
  'checkpoint:rank': true,
  'tensor:values': true,
  'tensor:heatmap': true,
  'tensor:statistics': true,
  'tensor:descendants': true,
  'checkpoint:reveal': true,
  'consolidation:choose-output': true,
  'consolidation:preview': true,
  'consolidation:start': true,
  'sharding:from-checkpoint': true,
  'sharding:choose-source': true,
  'sharding:preview': true,
  'sharding:start': true,
  'adapter:detail': true,
  'adapter:norms': true,
  'merge:suggest': true,
  'merge:preview': true,
  'merge:start': true,
  'diff:start': true,
  'diff:rows': true,
  'diff:placement': true,
  'diff:heatmap': true,
  'diff:report': true,
  'folder:choose': true,
  'replicas:start': true,
  'replicas:result': true,
  'job:list': true,
  'job:cancel': true,
  'job:dismiss': true,
  'job:retry': true,
  'job:reveal': true,
  'job:digests': true,
};
const EVENTS: Readonly<Record<EventChannel, true>> = {
  'checkpoint:opening': true,
  'checkpoint:opened': true,
  'checkpoint:failed': true,
  'jobs:changed': true,
  command: true,
  'settings:changed': true,
  'recents:changed': true,
  memory: true,
  trouble: true,
};

const bridge: Bridge = {
  version: __SHARDLOOM_VERSION__,
  request: (channel, ...args) => {
    if (!Object.hasOwn(REQUESTS, channel)) throw new Error(`There is no request ${channel}.`);
    return ipcRenderer.invoke(channel, ...args) as Promise<Answer<never>>;
  },
  on: (channel, listener) => {
    if (!Object.hasOwn(EVENTS, channel)) throw new Error(`There is no event ${channel}.`);
    const receive = (_event: unknown, ...args: unknown[]): void => {
      (listener as (...args: unknown[]) => void)(...args);
    };
    ipcRenderer.on(channel, receive);
    return () => {
      ipcRenderer.removeListener(channel, receive);
    };
  },
  openDropped: (file) => {
    // Empty for files that a page made up.
    const folder = webUtils.getPathForFile(file);
    return ipcRenderer.invoke('checkpoint:open-dropped', folder) as Promise<Answer<OpenedCheckpoint>>;
  },
};

contextBridge.exposeInMainWorld('shardloom', bridge);
