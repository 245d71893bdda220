import displayWidth from "fast-string-width";
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

/** How data is printed. It goes to stdout, as JSON with `--json`; messages go to stderr. */
export interface Output {
  readonly json?: boolean;
}

/** If so many bytes of messages wait for a reader, further ones are dropped. */
const unreadMax = 1024 * 1024;
/** How long a program that ends waits for a reader or a server that has stopped, milliseconds. */
const endingMs = 800;
/** How long it then waits for its own last message, milliseconds. */
const lastMessageMs = 100;

/** Prints one result: `value` with `--json`, else the text of `human`. */
export function print({ json }: Output, value: unknown, human: () => string): void {
  const text = json === true ? jsonLine(value) : steerless(human());
  if (text !== "") process.stdout.write(`${text}\n`);
}

/**
 * Prints a list: a line of JSON for each with `--json`, and into a pipe or a file; on a terminal the text of `human`.
 * Resolves when the system has taken all of it. @throws Error the reader has gone
 */
export function printRows<T>(
  { json }: Output,
  rows: readonly T[],
  human: (rows: readonly T[]) => string,
): Promise<void> {
  const isData = json === true || !process.stdout.isTTY;
  const text = isData ? rows.map((row) => `${jsonLine(row)}\n`).join("") : `${steerless(human(rows))}\n`;
  if (rows.length === 0 || text === "") return Promise.resolve();
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Writes a message for the person at the terminal to stderr. Data does not belong here. */
export function say(text: string): void {
  sayPainted(steerless(text));
}

/** {@link say} for a text with colours; text of strangers in it must be {@link steerless} already. */
export function sayPainted(text: string): void {
  if (process.stderr.writableLength < unreadMax) process.stderr.write(`${text}\n`);
}

/** JSON of the same value in which characters that control a terminal or reverse the direction of text are escaped. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Text in which everything that could control a terminal is replaced: control characters except tab and line feed
 * (ECMA-48 §5), characters of direction (UAX #9 §2), separators of lines.
 */
export function steerless(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) =>
    character === "\n" || character === "\t" ? character : "\ufffd",
  );
}

/** Rows in columns as wide as their widest cell. Wide characters (East Asian ones, emoji) take two columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell))));
  const padded = (cell: string, at: number): string => cell + " ".repeat((widths[at] ?? 0) - displayWidth(cell));
  return rows.map((row) => [...row.slice(0, -1).map(padded), ...row.slice(-1)].join("  ")).join("\n");
}

/**
 * Ends the program quietly when the reader of its data has closed the pipe, and with a message when the data cannot be
 * written. If the reader of its messages has gone, it goes on without them.
 */
export function endOnClosedPipe(program = "broker"): void {
  process.stdout.on("error", endUnwritten(program));
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (!isReaderGone(error)) process.exit(1);
  });
}

/** True for the error of a stream whose pipe or terminal has closed. */
export function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE" || code === "EIO";
}

/** Handles an error of a stream of data: see {@link endOnClosedPipe}. */
export function endUnwritten(program: string): (error: NodeJS.ErrnoException) => void {
  const isTerminal = process.stdout.isTTY;
  return ({ code, message }) => {
    if (code === "EPIPE") process.exit(0);
    if (isTerminal && code === "EIO") return; // it has closed: SIGHUP ends what is to end with it
    say(`${program}: the output cannot be written: ${message}`);
    process.exit(1);
  };
}

/**
 * A stream for lines of data that can be dropped when the reader has stopped: lines that wait in `process.stdout` would
 * keep the process alive for ever.
 * @param sockets also if stdout is a socket, as under a parent that is Node; not needed for a command that ends by
 * `process.exit`, which drops them anyway
 */
export function dataLines({ sockets = false }: { readonly sockets?: boolean } = {}): Writable {
  const stdout = fstatSync(1);
  return stdout.isFIFO() || (sockets && stdout.isSocket())
    ? new Socket({ fd: 1, readable: false, writable: true })
    : process.stdout;
}

/** Resolves when everything has been written; if the reader has stopped, after a while, and the rest is dropped. */
export async function finished(lines: Writable): Promise<void> {
  if (lines === process.stdout || lines.closed) return;
  const late = setTimeout(() => lines.destroy(), endingMs);
  await new Promise<void>((resolve) => {
    lines.once("close", resolve);
    lines.end();
  });
  clearTimeout(late);
}

/**
 * Waits for the last work of a program that ends. About a second later the program has ended with `process.exitCode`,
 * even if a reader or a server has stopped.
 * @throws what one of the promises rejects with
 */
export async function ending(...work: readonly Promise<unknown>[]): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([Promise.all(work), pause(endingMs, undefined, { signal: done.signal })]);
  } finally {
    done.abort();
  }
  setTimeout(() => process.exit(), lastMessageMs).unref();
}

/**
 * Text of strangers, safe to print: {@link steerless}, and its further lines are indented, so that none looks like a
 * line of this program.
 */
export function untrustedText(text: string): string {
  return steerless(text.replace(/\r\n?/g, "\n")).replace(/\n(?! {4})/g, "\n    ");
}

/** Colours a text, or returns it unchanged if its stream is not a terminal. */
export type Paint = (style: Style, text: string) => string;

type Style = keyof typeof styles;

/** SGR parameters, on and off (ECMA-48 §8.3.117). Node's styleText would check a stream in some versions. */
const styles = { cyan: [36, 39], green: [32, 39], yellow: [33, 39], red: [31, 39], dim: [2, 22] } as const;

/** Colours if the stream is a terminal and the environment does not forbid them (NO_COLOR, TERM=dumb). */
export function painter(terminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const colours = terminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return colours
    ? (style, text) => `\u001b[${styles[style][0]}m${text}\u001b[${styles[style][1]}m`
    : (_style, text) => text;
}
