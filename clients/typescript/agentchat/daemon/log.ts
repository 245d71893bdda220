import { fileFailure } from "./errors.js";
import { appendLines, putAside } from "./files.js";

/** daemon.log is moved to daemon.log.1 beyond that, bytes. */
const rotateBytes = 5 * 1024 * 1024;

/** Fields of a log line: ids, codes, counts, never what anybody said. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Writes `daemon.log`: JSON lines `{ts, level, event, …}`. Never throws: what cannot be written is counted and goes to
 * stderr.
 */
export class DaemonLog {
  readonly #path: string;
  #unwritten = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Something that happened as it should. */
  info(fields: LogFields, event: string): void {
    this.#write("info", fields, event);
  }

  /** Something that a person may have to look at. */
  warn(fields: LogFields, event: string): void {
    this.#write("warn", fields, event);
  }

  #write(level: "info" | "warn", fields: LogFields, event: string): void {
    const line = lineOf(level, fields, event);
    const missing =
      this.#unwritten === 0 ? [] : [lineOf("warn", { count: this.#unwritten }, "log lines could not be written")];
    try {
      const inTheWay = putAside(this.#path, rotateBytes);
      const lost = inTheWay === undefined ? [] : [lineOf("warn", fileFailure(inTheWay), "older log lines are gone")];
      appendLines(this.#path, [...lost, ...missing, line]);
      this.#unwritten = 0;
    } catch (thrown) {
      this.#unwritten += 1;
      process.stderr.write(
        `${line}\n${JSON.stringify({ level: "warn", event: "daemon.log cannot be written", ...fileFailure(thrown) })}\n`,
      );
    }
  }
}

function lineOf(level: "info" | "warn", fields: LogFields, event: string): string {
  return JSON.stringify({ ts: Date.now(), level, event, ...fields });
}
