import { renameSync } from "node:fs";
import { fileFailure } from "./errors.js";
import { appendLines, sizeOf } from "./files.js";

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
    const line = JSON.stringify({ ts: Date.now(), level, event, ...fields });
    const missing =
      this.#unwritten === 0
        ? []
        : [
            JSON.stringify({
              ts: Date.now(),
              level: "warn",
              event: "log lines could not be written",
              count: this.#unwritten,
            }),
          ];
    try {
      if (sizeOf(this.#path) > rotateBytes) renameSync(this.#path, `${this.#path}.1`);
      appendLines(this.#path, [...missing, line]);
      this.#unwritten = 0;
    } catch (thrown) {
      this.#unwritten += 1;
      process.stderr.write(
        `${line}\n${JSON.stringify({ level: "warn", event: "daemon.log cannot be written", ...fileFailure(thrown) })}\n`,
      );
    }
  }
}
