import { z } from "zod";
import { Fault } from "../../core/index.js";
import type { CoordinationEvent } from "../telemetry.js";

/** What a coordination is called, by whoever began it. */
const coordinationId = z
  .string("is missing; it is a text")
  .min(1, "is empty")
  .max(128, "is longer than 128 characters")
  .regex(/^[^\u0000-\u001f\u007f-\u009f]+$/, "holds control characters");
/** `CONSENSUS`, `AUCTION` …: the document has the first, and agents may have others. */
const pattern = z.string("is missing; it is a text").regex(/^[A-Z][A-Z0-9_]{0,63}$/, "is a word in upper case");

const initiated = z.looseObject({
  coordinationId,
  pattern,
  initiator: z.looseObject({ id: z.string() }, "is {id}").exactOptional(),
  participants: z
    .array(z.looseObject({ id: z.string(), role: z.string() }, "is {id, role}"), "is a list of {id, role}")
    .max(1_000, "are more than 1000")
    .exactOptional(),
  parameters: z.looseObject({}, "is an object").exactOptional(),
});

const progressed = z.looseObject({
  coordinationId,
  pattern: pattern.exactOptional(),
  progress: z.number("is a number from 0 to 1").min(0, "is a number from 0 to 1").max(1, "is a number from 0 to 1"),
  status: z.string("is missing; it is a text").regex(/^[A-Z][A-Z0-9_]{0,63}$/, "is a word in upper case"),
  votes: z.looseObject({}, "is an object").exactOptional(),
});

/** `coordination.initiated` as an agent says it (Visualisation §3.7). */
export type Initiated = z.output<typeof initiated>;
/** `coordination.progress` as an agent says it. */
export type Progressed = z.output<typeof progressed>;

/** What an agent announces of a coordination. */
export type Announcement =
  | { readonly type: "coordination.initiated"; readonly payload: Initiated }
  | { readonly type: "coordination.progress"; readonly payload: Progressed };

/**
 * Reads what an agent announces; fields that are not known here are kept as they are.
 * @throws Fault malformed, too-large
 */
export function readAnnouncement(type: CoordinationEvent["type"], payload: unknown, maxBytes: number): Announcement {
  const bytes = Buffer.byteLength(JSON.stringify([payload])) - 2; // undefined has no JSON of its own
  if (bytes > maxBytes)
    throw new Fault("too-large", `what is said of a coordination has ${maxBytes} bytes at most; this has ${bytes}`);
  return type === "coordination.initiated"
    ? { type, payload: read(initiated, payload) }
    : { type, payload: read(progressed, payload) };
}

/** The object itself, and no copy: a copy would lose a field that is called `__proto__`. */
function read<S extends z.ZodObject>(schema: S, payload: unknown): z.output<S> {
  const { error } = schema.safeParse(payload);
  if (error === undefined) return payload as z.output<S>; // the schema changes nothing
  const [issue] = error.issues;
  throw new Fault("malformed", `data.${issue?.path.join(".") ?? ""} ${issue?.message ?? "is wrong"}`);
}
