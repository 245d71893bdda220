import { destination, pino } from "pino";
import type { Log } from "../core/index.js";
import { isReaderGone, jsonLine, painter, sayPainted, steerless, type Paint } from "./output.js";

/** How much is logged. */
export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

/** `text`: a line for people; `json`: a line for programs. */
export type LogFormat = "text" | "json";

/** From the worst to the least. */
const levels = ["error", "warn", "info", "debug"] as const satisfies readonly Exclude<LogLevel, "silent">[];

/**
 * Log lines on stderr, those of `level` and worse.
 * @param format text on a terminal, else JSON, unless it is said
 */
export function processLog(level: LogLevel, format: LogFormat = process.stderr.isTTY ? "text" : "json"): Log {
  return format === "json" ? jsonLog(level) : textLog(level, painter(process.stderr.isTTY, process.env));
}

function jsonLog(level: LogLevel): Log {
  const lines = destination({ fd: 2, sync: true });
  lines.on("error", (error: Error) => {
    if (!isReaderGone(error)) throw error;
  });
  const logger = pino({ level, base: { pid: process.pid } }, lines);
  return (of, event, fields) => {
    logger[of](fields ?? {}, event);
  };
}

function textLog(level: LogLevel, paint: Paint): Log {
  const shown: readonly string[] = level === "silent" ? [] : levels.slice(0, levels.indexOf(level) + 1);
  return (of, event, fields = {}) => {
    if (shown.includes(of)) sayPainted(logLine(new Date(), of, event, fields, paint));
  };
}

const styles = { error: "red", warn: "yellow", info: "green", debug: "dim" } as const;

/** A log line for people: `12:34:56 info session admitted agent=ada dialect=pan`. It is safe to print. */
export function logLine(
  now: Date,
  level: (typeof levels)[number],
  event: string,
  fields: Readonly<Record<string, unknown>>,
  paint: Paint,
): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${paint("dim", `${name}=`)}${fieldText(value)}`);
  const time = paint("dim", now.toTimeString().slice(0, 8));
  return `${time} ${paint(styles[level], level)} ${oneLine(event)}${pairs.join("")}`;
}

/** A word as it is; everything else as JSON, so that nothing in it looks like another field or another line. */
function fieldText(value: unknown): string {
  return typeof value === "string" && /^[^\s"={}[\]\p{Cc}]+$/u.test(value) ? steerless(value) : jsonLine(value);
}

function oneLine(text: string): string {
  return steerless(text).replace(/[\n\t]/g, " ");
}
