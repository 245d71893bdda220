import { z } from "zod";
import { writtenEnvelope, writtenTime, type Envelope } from "../../core/index.js";
import { mailStates, type BoxStatus } from "../../mailbox/index.js";
import { agent } from "../fields.js";

/*
 * Fields of what the mailbox kinds are asked and answer.
 */

/** Deliveries that one request names. */
const idsMax = 1_000;
/** Messages that one answer holds. */
export const takeMax = 1_000;
/** Bytes of messages that one answer holds over ZeroMQ. */
export const wireMaxBytes = 1024 * 1024;
/** The same in other dialects. */
export const sessionMaxBytes = 48 * 1024;
/** Messages in one answer, if nothing else is said. */
export const defaultTake = 10;
/** Boxes that one answer lists, at most and if nothing else is said: a few milliseconds' work. */
export const listMax = 1_000;
export const defaultList = 500;
/** The longest lease and pause, milliseconds. */
export const hourMs = 3_600_000;

/** A whole number of a range. */
export const whole = (least: number, most: number) =>
  z
    .number(`is a whole number from ${String(least)} to ${String(most)}`)
    .refine(
      (value) => Number.isInteger(value) && value >= least && value <= most,
      `is a whole number from ${String(least)} to ${String(most)}`,
    )
    .meta({ type: "integer", minimum: least, maximum: most });
/** Deliveries that are meant. */
export const ids = z
  .array(z.string(), "is a list of delivery ids")
  .min(1, "is empty; name one delivery id at least")
  .max(idsMax, `names ${String(idsMax)} deliveries at most`)
  .describe("delivery_id of each message that is meant");
/** Whose box is meant. */
export const whose = agent.describe("whose mailbox; your own if absent. Others' need scope operate").exactOptional();
/** Up to where somebody has read. */
export const cursor = z.object({ epoch: z.string(), seq: z.int().min(0) }, "is a cursor {epoch, seq}");

/** One mailbox. */
export const box = z.object({
  agent: z.string(),
  mode: z.enum(["push", "take"]).describe("push: what waits comes by itself; take: it is asked for"),
  trust: z.enum(["claimed", "shared", "proved"]),
  rooms: z.boolean().describe("memberships outlive the connection"),
  keep_s: z.number().describe("how long a message waits"),
  max: z.int(),
  max_bytes: z.int(),
  opened_at: writtenTime,
  here: z.boolean().describe("its owner is connected"),
  away_since: writtenTime.exactOptional(),
  oldest_at: writtenTime.describe("when the oldest of what waits or is leased came; seconds old").exactOptional(),
  unproved: z.literal(true).describe("its owner's library cannot prove what it has read (ZMTP 3.0)").exactOptional(),
  waiting: z.int(),
  leased: z.int(),
  bytes: z.int().describe("of what waits or is leased"),
  stored: z.int().describe("ever; the sum of waiting, leased, done, answered, refused, expired and dead"),
  done: z.int(),
  answered: z.int(),
  refused: z.int(),
  expired: z.int(),
  dead: z.int(),
  epoch: z.string().describe("cursors of another epoch mean nothing"),
});
/** What became of each delivery that was named. */
export const named = z.object({
  results: z.array(
    z.object({
      delivery_id: z.string(),
      state: z.enum([...mailStates, "unknown"]).describe("where it stands now; unknown: none of this id is in the box"),
    }),
  ),
});
/** A message of a box. */
export const message = writtenEnvelope
  .loose()
  .describe("the message, with stored_at, delivery_id and attempt in $broker");

/** An envelope as the wire has it. */
export function written({ other, ...envelope }: Envelope): z.output<typeof message> {
  return { ...other, ...envelope } as z.output<typeof message>; // the broker read it, and wrote the marks
}

/** A box as it is listed. */
export function listed({
  name,
  keepMs,
  maxBytes,
  openedAt,
  awaySince,
  oldestAt,
  isHere,
  isUnproved,
  counts,
  ...rest
}: BoxStatus) {
  const { mode, trust, rooms, max, epoch } = rest;
  const { waiting, leased, bytes, stored, done, answered, refused, expired, dead } = counts;
  const counted = { waiting, leased, bytes, stored, done, answered, refused, expired, dead };
  return {
    agent: name,
    mode,
    trust,
    rooms,
    keep_s: keepMs / 1_000,
    max,
    max_bytes: maxBytes,
    opened_at: new Date(openedAt).toISOString(),
    here: isHere,
    ...(awaySince !== undefined && { away_since: new Date(awaySince).toISOString() }),
    ...(oldestAt !== undefined && { oldest_at: new Date(oldestAt).toISOString() }),
    ...(isUnproved && { unproved: true as const }),
    ...counted,
    epoch,
  };
}
