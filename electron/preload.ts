import { contextBridge } from 'electron';
import type { Bridge } from './bridge.ts';

const bridge: Bridge = { version: __SHARDLOOM_VERSION__ };

contextBridge.exposeInMainWorld('shardloom', bridge);
