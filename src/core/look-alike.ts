import { confusables } from "./confusables.js";

/** What a character looks like, in ASCII. */
// bound: Unicode's list · evicts: nothing · owner: this module
const asciiOf: ReadonlyMap<string, string> = new Map(
  confusables.flatMap(([ascii, points]) =>
    points.split(" ").map((point) => [String.fromCodePoint(parseInt(point, 16)), ascii] as const),
  ),
);

/** Text of which each character looks like itself and like no other: nothing has to be looked up. */
const plain = /^[a-ln-z2-9 _.:/+-]*$/;

/**
 * What a name looks like: names that have one of these texts in common are hard to tell apart (protocols §1.17). That
 * is so whether upper or lower case is seen, in full-width letters, and in those of another alphabet. One text or more:
 * `I` looks like `l`, and is `i` in lower case.
 */
export function looksOf(name: string): readonly string[] {
  if (plain.test(name)) return [name];
  const parts = name.normalize("NFKD");
  // Some characters look otherwise than their parts: `ϲ` is a sigma, and looks like `c`.
  const seen = skeleton(name).normalize("NFKD");
  return [...new Set([parts, fold(parts), seen].map((text) => fold(skeleton(text))))];
}

/** True if two names are hard to tell apart. */
export function looksLike(one: string, other: string): boolean {
  const looks = looksOf(one);
  return looksOf(other).some((look) => looks.includes(look));
}

/** Unicode's skeleton (UTS #39), where it is ASCII; other characters stay as they are. */
function skeleton(text: string): string {
  let looks = "";
  for (const character of text) looks += asciiOf.get(character) ?? character;
  return looks;
}

/** Upper and lower case are the same, also where one letter becomes two. */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase().normalize("NFKD");
}
