import { Fault, similar } from "../../../src/core/index.js";
import { shown } from "./shown.js";

/**
 * Refuses options that nobody here reads, mostly a slip of the pen: in JavaScript no compiler tells of it.
 * @param what whose options they are, for people
 * @throws Fault malformed, with the name that was probably meant, or all that there are
 */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const meant = similar(name, known);
    const remedy = meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`;
    throw new Fault("malformed", `${what} has ${shown(name)}; ${remedy}`);
  }
}
