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

/** Ends quietly when whoever reads our output has gone (a closed pipe). */
export function endOnClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}
