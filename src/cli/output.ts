import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

/** Data goes to stdout, as JSON where it was asked for; messages go to stderr. */
export interface Output {
  readonly json?: boolean;
}

/** Messages that nobody reads: beyond this none are said, bytes. */
const unreadMax = 1024 * 1024;
/**
 * How long an ending program waits for a reader or a server that has stopped, and then for its own last message,
 * milliseconds.
 */
const endingMs = 800;
const lastWordMs = 100;

/** Prints one result: `human` for people, `value` with `--json`. */
export function print({ json }: Output, value: unknown, human: () => string): void {
  const text = json === true ? jsonLine(value) : steerless(human());
  if (text !== "") process.stdout.write(`${text}\n`);
}

/** Something for the person at the terminal, never data. */
export function say(text: string): void {
  sayPainted(steerless(text));
}

/** {@link say} for a text that has colours; whatever strangers said in it must be {@link steerless} already. */
export function sayPainted(text: string): void {
  if (process.stderr.writableLength < unreadMax) process.stderr.write(`${text}\n`);
}

/** JSON without characters that steer a terminal or turn text around: the same value, with more of it escaped. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Text without what could steer a terminal: control characters but tab and line feed (ECMA-48 §5), characters of
 * direction (UAX #9 §2), separators of lines; each is replaced.
 */
export function steerless(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) =>
    character === "\n" || character === "\t" ? character : "\ufffd",
  );
}

/** Rows in columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return rows
    .map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("  "))
    .join("\n");
}

/**
 * Ends quietly when whoever reads our data has gone (a closed pipe), with a line when they cannot be written. Messages
 * that nobody reads are not said.
 */
export function endOnClosedPipe(program = "broker"): void {
  process.stdout.on("error", endUnwritten(program));
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exit(1);
  });
}

/** What a program does when its data cannot be written: see {@link endOnClosedPipe}. */
export function endUnwritten(program: string): (error: NodeJS.ErrnoException) => void {
  return ({ code, message }) => {
    if (code === "EPIPE") process.exit(0);
    say(`${program}: the output cannot be written: ${message}`);
    process.exit(1);
  };
}

/**
 * A stream of data lines that can be dropped when its reader has stopped: what waits in stdout itself keeps the process
 * for ever.
 * @param sockets also where stdout is a socket, as under a parent that is Node: not for a command that ends by
 * `process.exit`, which drops what waits anyway
 */
export function dataLines({ sockets = false }: { readonly sockets?: boolean } = {}): Writable {
  const stdout = fstatSync(1);
  return stdout.isFIFO() || (sockets && stdout.isSocket())
    ? new Socket({ fd: 1, readable: false, writable: true })
    : process.stdout;
}

/** Resolves when everything has been written, or a reader that has stopped has had its time: the rest is dropped. */
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
 * Waits for what an ending program still has to do; a second later it has ended, with `process.exitCode`, whoever has
 * stopped reading or answering.
 * @throws what one of them threw
 */
export async function ending(...work: readonly Promise<unknown>[]): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([Promise.all(work), pause(endingMs, undefined, { signal: done.signal })]);
  } finally {
    done.abort();
  }
  setTimeout(() => process.exit(), lastWordMs).unref();
}

/**
 * Text of strangers, without what could steer a terminal: see {@link steerless}; further lines are indented, so that
 * none looks like a line of ours.
 */
export function untrustedText(text: string): string {
  return steerless(text.replace(/\r\n?/g, "\n")).replace(/\n(?! {4})/g, "\n    ");
}

/** Colours a word, or leaves it as it is where there is no terminal. */
export type Paint = (style: Style, text: string) => string;

type Style = keyof typeof styles;

/** SGR parameters, on and off (ECMA-48 §8.3.117); Node's own styleText asks a stream, in some versions. */
const styles = { cyan: [36, 39], green: [32, 39], yellow: [33, 39], red: [31, 39], dim: [2, 22] } as const;

/** Colours for a stream that is a terminal and wants them (NO_COLOR, TERM=dumb). */
export function painter(terminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const colours = terminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return colours
    ? (style, text) => `\u001b[${styles[style][0]}m${text}\u001b[${styles[style][1]}m`
    : (_style, text) => text;
}
