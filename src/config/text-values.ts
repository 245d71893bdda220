import { Fault } from "../core/index.js";

/** `a, b` as a list. */
export function listOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** `name=value` texts, taken apart. @throws Fault malformed */
export function pairsOf(where: string, list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1 || at === pair.length - 1) throw new Fault("malformed", `${where} ${pair}: write it as NAME=VALUE`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** A number in text. @throws Fault malformed */
export function numberOf(where: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new Fault("malformed", `${where}: must be a number`);
  return value;
}
