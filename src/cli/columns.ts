import displayWidth from "fast-string-width";
import { steerless } from "./output.js";

/** Between two columns. */
const gap = "  ";
/** A column is cut to no less than this; before that, columns at the right are left out. */
const cellMin = 16;

/** A column of a table. */
export interface Column {
  readonly heading: string;
  /** True: its cells may be cut where the line is too narrow. */
  readonly cuts?: true;
  /** Numbers stand at the right. */
  readonly isNumber?: true;
}

/**
 * A table with a line of headings. Every cell is one line of text that controls nothing. `width`: the columns of the
 * terminal, to which it is fitted; undefined: it is as wide as it is.
 */
export function fittedTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string {
  const lines = [columns.map(({ heading }) => heading), ...rows.map((row) => row.map(oneLine))];
  const natural = columns.map(({ cuts }, at) => ({
    width: Math.max(...lines.map((line) => displayWidth(line[at] ?? ""))),
    cuts: cuts === true,
  }));
  const widths = width === undefined ? natural.map((column) => column.width) : fitted(natural, width);
  return lines
    .map((line) =>
      widths
        .map((own, at) => padded(cut(line[at] ?? "", own), own, columns[at]?.isNumber))
        .join(gap)
        .trimEnd(),
    )
    .join("\n");
}

/** As wide as a column wants to be. */
interface Natural {
  readonly width: number;
  readonly cuts: boolean;
}

/** The widths of as many of the columns as fit into `width`, the first one always. */
function fitted(columns: readonly Natural[], width: number): readonly number[] {
  const least = columns.map((column) => (column.cuts ? Math.min(column.width, cellMin) : column.width));
  let shown = columns.length;
  while (shown > 1 && total(least.slice(0, shown)) > width) shown -= 1;
  if (shown === 1) return [Math.min(columns[0]?.width ?? 0, width)];
  const widths = columns.slice(0, shown).map((column) => column.width);
  while (total(widths) > width) {
    const widest = widths.reduce(
      (found, own, at) => (own > (least[at] ?? 0) && own > (widths[found] ?? 0) ? at : found),
      least.findIndex((min, at) => (widths[at] ?? 0) > min),
    );
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, gap.length * (widths.length - 1));
}

/** Text as wide as `width` columns; what is wider ends in `…`. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let used = 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += displayWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Text with spaces up to `width` columns. Wide characters (East Asian ones, emoji) take two. */
export function padded(text: string, width: number, atTheRight: boolean | undefined = false): string {
  const spaces = " ".repeat(Math.max(0, width - displayWidth(text)));
  return atTheRight ? spaces + text : text + spaces;
}

/** {@link steerless} text in one line. */
export function oneLine(text: string): string {
  return steerless(text).replace(/[\n\t]/g, " ");
}

/** Rows of a name and a text, whose further lines stand below its first one. */
export function namedTexts(
  rows: readonly (readonly [name: string, text: string])[],
  width: number | undefined,
): string {
  const names = Math.max(...rows.map(([name]) => displayWidth(name)));
  const indent = names + gap.length;
  return rows
    .flatMap(([name, text]) => {
      const lines = text
        .split("\n")
        .flatMap((line) => wrapped(oneLine(line), width === undefined ? undefined : width - indent));
      return lines.map((line, at) => `${padded(at === 0 ? name : "", names)}${gap}${line}`.trimEnd());
    })
    .join("\n");
}

/** A narrower text is not wrapped any more: a terminal does that itself. */
const wrapMin = 20;

/** Text in lines of `width` columns, broken at spaces. */
function wrapped(text: string, width: number | undefined): readonly string[] {
  if (width === undefined || displayWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && displayWidth(longer) > Math.max(width, wrapMin)) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

const units = [
  [86_400_000, "day"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
] as const;

/** A length of time in its largest unit of which there are two, or one below an hour: `45 s`, `2 min`, `26 h`, `3 days`. */
export function spanText(ms: number): string {
  for (const [size, unit] of units) {
    const count = Math.floor(ms / size);
    if (count >= (size > 60_000 ? 2 : 1)) return `${count} ${unit}${unit === "day" ? "s" : ""}`;
  }
  return "0 s";
}

/** How long ago a time in ISO 8601 was; the text itself where it is no time. */
export function agoText(time: string, now: number): string {
  const ms = now - Date.parse(time);
  if (Number.isNaN(ms)) return time;
  return ms < 1_000 ? "now" : `${spanText(ms)} ago`;
}

/**
 * The columns of the terminal to which data goes; undefined where it goes into a file or a pipe, and for a terminal that
 * does not know its size (a serial line, a container): such a one says 0.
 */
export function outputWidth(): number | undefined {
  return process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : undefined;
}
