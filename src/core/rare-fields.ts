import { z } from "zod";
import { envelopeIdMax, receiptWords, type RareFields } from "./envelope.js";

/** A text of the wire, or a number that counts as its text. */
export const idText = z.union([z.string().min(1).max(envelopeIdMax), z.number().transform(String)]);

/**
 * Fields that few messages have: they are read one by one where they stand, so that the others pay nothing for them.
 * What makes no sense in them is left out, or kept among the keys that the broker does not know: other systems give
 * some of these words a meaning of their own.
 */
const rare = {
  wait_ms: { form: z.int().min(1), otherwise: "left out" },
  receipt: { form: z.array(z.enum(receiptWords)), otherwise: "kept" },
  ephemeral: { form: z.literal(true), otherwise: "kept" },
  accepts: { form: z.array(z.string()), otherwise: "kept" },
  parent: { form: idText, otherwise: "left out" },
  traceparent: { form: z.string(), otherwise: "kept" },
  tracestate: { form: z.string(), otherwise: "kept" },
} as const satisfies Record<keyof RareFields, { readonly form: z.ZodType; readonly otherwise: "left out" | "kept" }>;

/** What the broker takes in these fields as it stands. */
export const wireRare = {
  wait_ms: rare.wait_ms.form.nullish(),
  receipt: z.unknown().optional(),
  ephemeral: z.unknown().optional(),
  accepts: z.unknown().optional(),
  parent: rare.parent.form.nullish(),
  traceparent: z.unknown().optional(),
  tracestate: z.unknown().optional(),
} satisfies Record<keyof RareFields, z.ZodType>;

/** These fields as the broker and its SDKs write them. */
export const writtenRare = {
  wait_ms: rare.wait_ms.form
    .describe("how long the sender of a request waits for the answer, milliseconds from receipt")
    .exactOptional(),
  receipt: rare.receipt.form
    .describe("what the sender asks to be told: stored, settled; any other form is ignored")
    .exactOptional(),
  ephemeral: rare.ephemeral.form.describe("it goes into no mailbox: who is away does not hear it").exactOptional(),
  accepts: rare.accepts.form
    .describe("forms of answer that the sender understands beside the plain one")
    .exactOptional(),
  parent: z.string().min(1).max(envelopeIdMax).describe("message_id of what caused this").exactOptional(),
  traceparent: rare.traceparent.form.describe("W3C Trace Context, passed on as it came").exactOptional(),
  tracestate: rare.tracestate.form.describe("W3C Trace Context, passed on as it came").exactOptional(),
} satisfies Record<keyof RareFields, z.ZodType>;

/** True for the name of a field that few messages have. */
export function isRare(key: string): key is keyof RareFields {
  return Object.hasOwn(rare, key);
}

/**
 * Reads one of these fields of a foreign payload into `fields`, or keeps it in `other`; null counts as absent
 * (protocols §3.18).
 */
export function readRare(
  key: keyof RareFields,
  value: unknown,
  fields: Record<string, unknown>,
  other: Record<string, unknown>,
): void {
  const { form, otherwise } = rare[key];
  const read = form.safeParse(value);
  if (read.success) fields[key] = read.data;
  else if (otherwise === "kept" && value !== null) other[key] = value;
}
