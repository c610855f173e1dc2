/** What the preload script gives to pages as `window.shardloom`. */
export interface Bridge {
  readonly version: string;
}
