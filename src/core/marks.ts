import { z } from "zod";
import { writtenTime } from "./moment.js";

/**
 * What the broker says about a message that it has kept, in the object `$broker` that only it writes (ZeroMQ §8.4).
 * Dialects show these marks under the same names.
 */
export interface Marks {
  /** When it was stored, ISO 8601. */
  readonly stored_at?: string;
  /** By which its receiver settles it. */
  readonly delivery_id?: string;
  /** How often it was handed out, this time included; from 1. */
  readonly attempt?: number;
  /** Its place in the room's log; from 1. */
  readonly room_seq?: number;
  /** Of the log or mailbox: places of different epochs cannot be compared. */
  readonly epoch?: string;
}

/** True if the broker has nothing to say about a message: then it gets no `$broker`. */
export function isEmpty(marks: Marks): boolean {
  return Object.keys(marks).length === 0;
}

/** The marks that dialects show. Newer ones are shown by whoever knows what they mean. */
export function shownMarks({ stored_at, delivery_id, attempt, room_seq, epoch }: Marks): Marks {
  return {
    ...(stored_at !== undefined && { stored_at }),
    ...(delivery_id !== undefined && { delivery_id }),
    ...(attempt !== undefined && { attempt }),
    ...(room_seq !== undefined && { room_seq }),
    ...(epoch !== undefined && { epoch }),
  };
}

/** The marks as the broker writes them; there may be more of them some day. */
export const writtenMarks = z.looseObject({
  stored_at: writtenTime.describe("it waited in a mailbox from then on; ISO 8601 with its zone").exactOptional(),
  delivery_id: z.string().min(1).describe("by which its receiver settles it").exactOptional(),
  attempt: z.int().min(1).describe("how often it was handed out, this time included").exactOptional(),
  room_seq: z.int().min(1).describe("its place in the log of a durable room").exactOptional(),
  epoch: z.string().min(1).describe("places of different epochs cannot be compared").exactOptional(),
}) satisfies z.ZodType<Marks>;

/** The marks in the `$broker` of a payload that came from the broker; undefined if there are none that make sense. */
export function readMarks(value: unknown): Marks | undefined {
  if (value === undefined) return undefined;
  const read = writtenMarks.safeParse(value);
  return read.success ? read.data : undefined;
}
