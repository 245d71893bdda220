import { z } from "zod";
import { echo } from "../../bridges/echo/index.js";
import { contactsSetting, type AnyDialect } from "../../src/dialect/index.js";

/** A dialect whose agents may have to do with approved contacts only; its settings stand under `echo`. */
export const listedDialect: AnyDialect = { ...echo, settings: z.strictObject({ contacts: contactsSetting }) };

/** Options of a broker that has it, with its list. */
export function listedContacts(): { dialects: AnyDialect[]; echo: { contacts: "listed" } } {
  return { dialects: [listedDialect], echo: { contacts: "listed" } };
}
