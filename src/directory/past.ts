import { Message, type Trust } from "../core/index.js";

/** A message as it is kept: bytes only, until somebody asks for it. */
export interface KeptMessage {
  readonly payload: Buffer;
  readonly topic: string;
  readonly receivedAt: number;
  readonly trust: Trust;
}

/** One of the last messages of a public room. */
export interface Past {
  /** Bytes that it came in. */
  readonly bytes: number;
  /** So much of it is told at a time that it need not be made ready before: what a durable room remembers. */
  readonly paged?: true;
  /** It as a replay, read and written once for all who ask soon; undefined if it cannot be read. */
  message(): Message | undefined;
}

/** What is kept of the past as it is told, by the bytes that it came in: so many histories of one room. */
const roomsReady = 4;

/** Past messages that somebody asked for, read and written: the next one who asks does not wait for that. */
export class ReadyPast {
  // bound: 4 × historyPerRoomMaxBytes of payloads, each with what was made of it · evicts: what was not asked for the
  // longest; goes with its message · owner: ReadyPast
  readonly #ready = new Map<KeptMessage, Message>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(historyPerRoomMaxBytes: number) {
    this.#maxBytes = historyPerRoomMaxBytes * roomsReady;
  }

  /** A kept message as a replay; undefined if it cannot be read. */
  of(kept: KeptMessage): Message | undefined {
    const message = this.#ready.get(kept) ?? replayOf(kept);
    if (message === undefined) return undefined;
    this.forget(kept);
    this.#ready.set(kept, message);
    this.#bytes += kept.payload.length;
    for (const oldest of this.#ready.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === kept) break;
      this.forget(oldest);
    }
    return message;
  }

  /** The message is no longer kept. */
  forget(kept: KeptMessage): void {
    if (this.#ready.delete(kept)) this.#bytes -= kept.payload.length;
  }
}

/** Most messages that are made ready for one who asks, for each that it will hear: some may be said meanwhile. */
const roundsMax = 2;

/**
 * Makes a room's past ready message by message, so that it can be told in one turn: whatever is said live comes behind
 * it.
 */
export class PastReading {
  // bound: twice what one room keeps · evicts: all, with the request · owner: who asks for the past
  readonly #done = new Set<Past>();
  readonly #past: () => readonly Past[];
  readonly #make: (past: Past) => void;

  constructor(past: () => readonly Past[], make: (past: Past) => void) {
    this.#past = past;
    this.#make = make;
  }

  /** Makes one more ready. @returns "more" if there may be others, undefined if all are */
  advance(): "more" | undefined {
    const past = this.#past();
    const next = past.find((one) => one.paged !== true && !this.#done.has(one));
    if (next === undefined || this.#done.size >= past.length * roundsMax) return undefined;
    this.#done.add(next);
    this.#make(next);
    return "more";
  }
}

/** Bytes that past messages came in. */
export function bytesOf(past: readonly Past[]): number {
  return past.reduce((sum, { bytes }) => sum + bytes, 0);
}

function replayOf({ payload, topic, receivedAt, trust }: KeptMessage): Message | undefined {
  const arrival = { topic, receivedAt, trust, origin: undefined };
  const { envelope } = Message.fromPayload(payload, arrival);
  return envelope && Message.of({ ...envelope, type: "inform", replay: true }, arrival);
}
