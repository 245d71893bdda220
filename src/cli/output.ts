import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";

/** Data goes to stdout, as JSON where it was asked for; messages go to stderr. */
export interface Output {
  readonly json?: boolean;
}

/** Prints one result: `human` for people, `value` with `--json`. */
export function print({ json }: Output, value: unknown, human: () => string): void {
  const text = json === true ? JSON.stringify(value) : human();
  if (text !== "") process.stdout.write(`${text}\n`);
}

/** Something for the person at the terminal, never data. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Rows in columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("  ")).join("\n");
}

/** Ends quietly when whoever reads our data has gone (a closed pipe), with a line when they cannot be written. Messages that nobody reads are not said. */
export function endOnClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    say(`broker: the output cannot be written: ${error.message}`);
    process.exit(1);
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exit(1);
  });
}

/** A stream of data lines that waits for a slow reader without stopping the program: Node writes to a pipe synchronously otherwise. */
export function dataLines(): Writable {
  return fstatSync(1).isFIFO() ? new Socket({ fd: 1, readable: false, writable: true }) : process.stdout;
}

/** Resolves when everything has been written, or a reader that has stopped has had its second. */
export async function finished(lines: Writable): Promise<void> {
  if (lines === process.stdout) return;
  await Promise.race([new Promise<void>((resolve) => lines.end(resolve)), new Promise((resolve) => setTimeout(resolve, 1_000))]);
}
