import { destination, pino } from "pino";
import type { Log } from "../core/index.js";

/** How much is logged. */
export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

/** Log lines as JSON on stderr, one each, those of `level` and worse. */
export function jsonLog(level: LogLevel): Log {
  const logger = pino({ level, base: { pid: process.pid } }, destination({ fd: 2, sync: true }));
  return (of, event, fields) => {
    logger[of](fields ?? {}, event);
  };
}
