import { Fault } from "../../core/index.js";
import { anyPhase, type DialectTypes, type Rule } from "../../dialect/index.js";

/**
 * The rule of a command; undefined if the dialect has none. The table is total by its type, but `type` came from
 * outside.
 */
export function ruleOf<T extends DialectTypes>(commands: object, type: string): Rule<T> | undefined {
  return Object.hasOwn(commands, type) ? (commands as Readonly<Record<string, Rule<T>>>)[type] : undefined;
}

/** @throws Fault unauthenticated, unsupported: the command cannot be said in the session's phase */
export function mustAllow(
  type: string,
  phases: string | readonly string[],
  { principal, phase }: { readonly principal: unknown; readonly phase: string },
): void {
  if (typeof phases === "string" ? phases === phase || phases === anyPhase : phases.includes(phase)) return;
  if (principal === undefined) throw new Fault("unauthenticated", `log in first; ${type} cannot be said before`);
  const words = typeof phases === "string" ? phases : phases.join(" or ");
  throw new Fault("unsupported", `${type} cannot be said now (${phase}), only when ${words}`);
}
