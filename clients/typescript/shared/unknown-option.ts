import { similar } from "../../../src/core/similar.js";
import { shown } from "./shown.js";

/** Every option that there is: a type that gets another has to be told here. */
export type Known<Options> = Readonly<Record<keyof Options, true>>;

/**
 * What is wrong with options that nobody here reads, mostly a slip of the pen: in JavaScript no compiler tells of it.
 * @param what whose options they are, for people
 * @returns the name that was probably meant, or all that there are; undefined if each is known
 */
export function unknownOption(
  what: string,
  options: unknown,
  known: Readonly<Record<string, true>>,
): string | undefined {
  const wrong = Object.keys(Object(options) as object).find((name) => !Object.hasOwn(known, name));
  if (wrong === undefined) return undefined;
  const all = Object.keys(known);
  const meant = similar(wrong, all);
  const remedy = meant === undefined ? `known are ${all.join(", ")}` : `did you mean ${meant}?`;
  return `${what} has ${shown(wrong)}; ${remedy}`;
}
