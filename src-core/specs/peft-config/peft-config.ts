/**
 * adapter_config.json as the file has it. Fields that Shardloom does not use are kept as they are and in place: newer versions
 * of peft have more of them.
 */
export type PeftConfig = Readonly<Record<string, unknown>>;
