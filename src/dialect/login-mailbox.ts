import { z } from "zod";
import { Fault } from "../core/index.js";

/** A mailbox as a login asks for it: true, or the fields of `mailbox.open`; false and null ask for none. */
const asked = z
  .union([z.boolean(), z.record(z.string(), z.unknown())], 'must be true, or settings such as {"mode": "take"}')
  .nullish();

/**
 * The schema of a login's field `mailbox`. Whatever is in it, the login stands: what is wrong with it is told when the
 * mailbox is to be opened, as a refusal of that, by {@link mailboxFields}.
 */
export const loginMailbox = z
  .unknown()
  .optional()
  .meta({ anyOf: [{ type: ["boolean", "null"] }, { type: "object" }] });

/**
 * The fields of `mailbox.open` that a login asks for; undefined if it asks for no mailbox.
 * @param value what is in the login's field `mailbox`
 * @throws Fault malformed
 */
export function mailboxFields(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const { data, error } = asked.safeParse(value);
  if (error !== undefined) throw new Fault("malformed", `mailbox: ${error.issues[0]?.message ?? ""}`);
  if (data === undefined || data === null || data === false) return undefined;
  return data === true ? {} : data;
}
