/** Where a log line goes: an event in words and its fields. Never message content, tokens or keys. */
export type Log = (
  level: "debug" | "info" | "warn" | "error",
  event: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;
