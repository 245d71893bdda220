import { InvalidArgumentError } from "commander";

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const unitBytes: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** A length of time as it is typed (`90s`, `15m`, `12h`, `30d`), milliseconds. @throws InvalidArgumentError */
export function duration(text: string): number {
  const [, digits, unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const ms = Number(digits) * (unitMs[unit] ?? NaN);
  if (!(ms > 0)) throw new InvalidArgumentError("write a number and a unit: 90s, 15m, 12h, 30d");
  return ms;
}

/** A whole number as it is typed, 1 or more. @throws InvalidArgumentError */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("give a whole number, 1 or more");
  return value;
}

/** A number of bytes as it is typed: `65536`, `64k`, `16m`, `1g`. @throws InvalidArgumentError */
export function byteCount(text: string): number {
  const [, digits, unit = ""] = /^(\d+)([kmg]?)$/.exec(text.toLowerCase()) ?? [];
  const bytes = Number(digits) * (unitBytes[unit] ?? NaN);
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new InvalidArgumentError("give a number of bytes: 65536, 64k, 16m, 1g");
  return bytes;
}

/**
 * A quantity between two bounds, which are typed as it is.
 * @returns a reader that throws InvalidArgumentError
 */
export function between(read: (text: string) => number, least: string, most: string): (text: string) => number {
  return (text) => {
    const value = read(text);
    if (value < read(least) || value > read(most)) throw new InvalidArgumentError(`give ${least} to ${most}`);
    return value;
  };
}
