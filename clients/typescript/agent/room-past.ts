import { writeDurability, type Durability, type Envelope } from "../../../src/core/index.js";
import { refuseUnknown } from "./known-options.js";

/** How a room is made. */
export interface CreateOptions {
  readonly inviteOnly?: boolean;
  /** It remembers what is said; true: as long and as much as is usual. */
  readonly durable?: Durability | true;
}

/** A place in what a durable room remembers; every message of it has its own in `$broker`: `epoch` and `room_seq`. */
export interface RoomCursor {
  readonly epoch: string;
  readonly seq: number;
}

/** Which of a room's messages are wanted: the last `count`, or those behind a cursor, `max` at most. */
export interface HistoryOptions {
  readonly count?: number;
  /** "last": what was not handed over to this agent's name, which must be proved. */
  readonly after?: RoomCursor | "last";
  readonly max?: number;
}

/** What a room remembers, or a page of it. */
export interface RoomPast {
  /** Oldest first. */
  readonly messages: readonly Envelope[];
  /** Behind which the rest follows; undefined: the room is not durable. */
  readonly next: RoomCursor | undefined;
  /** Something behind the cursor is not remembered. */
  readonly gap: boolean;
  /** More follows behind `next` already. */
  readonly more: boolean;
}

/** How a room is made, as the broker is asked. @throws Fault malformed: an option that is none */
export function createAsked(options: CreateOptions): Readonly<Record<string, unknown>> {
  refuseUnknown("create", options, ["inviteOnly", "durable"]);
  const { inviteOnly = false, durable } = options;
  return { invite_only: inviteOnly, ...(durable !== undefined && { durable: durableAsked(durable) }) };
}

/** How much a room remembers, as the broker is asked. @throws Fault malformed: an option that is none */
export function durableAsked(durable: Durability | boolean): object | boolean {
  if (typeof durable !== "object") return durable;
  refuseUnknown("durable", durable, ["keepMs", "max", "maxBytes"]);
  return writeDurability(durable);
}
