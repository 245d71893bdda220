import { z } from "zod";
import { envelopeIdMax, receiptWords, type RareFields } from "./envelope.js";

/** A text of the wire, or a number that counts as its text. */
export const idText = z.union([z.string().min(1).max(envelopeIdMax), z.number().transform(String)]);

const words: readonly unknown[] = receiptWords;

/** How one of these fields is read. */
interface RareField {
  readonly fits: (value: unknown) => boolean;
  /** The value as it stands in an envelope, if it is not the same. */
  readonly read?: (value: unknown) => unknown;
  /** What becomes of a value that makes no sense. Other systems give some of these words a meaning of their own. */
  readonly otherwise: "left out" | "kept";
}

const isText = (value: unknown): boolean => typeof value === "string";

/**
 * Fields that few messages have: they are read one by one where they stand, so that the others pay nothing for them. Not
 * by schemas: of a list of 100,000 wrong values these would tell all.
 */
const rare: Readonly<Record<keyof RareFields, RareField>> = {
  wait_ms: { fits: (value) => Number.isSafeInteger(value) && Number(value) >= 1, otherwise: "left out" },
  receipt: { fits: (value) => Array.isArray(value) && value.every((word) => words.includes(word)), otherwise: "kept" },
  ephemeral: { fits: (value) => value === true, otherwise: "kept" },
  accepts: { fits: (value) => Array.isArray(value) && value.every(isText), otherwise: "kept" },
  parent: { fits: (value) => idText.safeParse(value).success, read: String, otherwise: "left out" },
  traceparent: { fits: isText, otherwise: "kept" },
  tracestate: { fits: isText, otherwise: "kept" },
};

/** What the broker takes in these fields as it stands. */
export const wireRare = {
  wait_ms: z.int().min(1).nullish(),
  receipt: z.unknown().optional(),
  ephemeral: z.unknown().optional(),
  accepts: z.unknown().optional(),
  parent: idText.nullish(),
  traceparent: z.unknown().optional(),
  tracestate: z.unknown().optional(),
} satisfies Record<keyof RareFields, z.ZodType>;

/** These fields as the broker and its SDKs write them. */
export const writtenRare = {
  wait_ms: z
    .int()
    .min(1)
    .describe("how long the sender of a request waits for the answer, milliseconds from receipt")
    .exactOptional(),
  receipt: z
    .array(z.enum(receiptWords))
    .describe("what the sender asks to be told: stored, settled; any other form is ignored")
    .exactOptional(),
  ephemeral: z.literal(true).describe("it goes into no mailbox: who is away does not hear it").exactOptional(),
  accepts: z
    .array(z.string())
    .describe("forms of answer that the sender understands beside the plain one")
    .exactOptional(),
  parent: z.string().min(1).max(envelopeIdMax).describe("message_id of what caused this").exactOptional(),
  traceparent: z.string().describe("W3C Trace Context, passed on as it came").exactOptional(),
  tracestate: z.string().describe("W3C Trace Context, passed on as it came").exactOptional(),
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
  const { fits, read, otherwise } = rare[key];
  if (fits(value)) fields[key] = read === undefined ? value : read(value);
  else if (otherwise === "kept" && value !== null) other[key] = value;
}
