import { Fault } from "../../../src/core/index.js";
import { unknownOption } from "../shared/unknown-option.js";

/**
 * Refuses options that nobody here reads.
 * @param what whose options they are, for people
 * @throws Fault malformed, with the name that was probably meant, or all that there are
 */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  const problem = unknownOption(what, options, Object.fromEntries(known.map((name) => [name, true])));
  if (problem !== undefined) throw new Fault("malformed", problem);
}
