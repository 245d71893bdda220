import { isUtf8 } from "node:buffer";
import { readEnvelope, writeEnvelope, type Envelope, type Reading } from "./envelope.js";
import type { FaultCode } from "./fault.js";
import { readJson } from "./json.js";
import type { Principal, Trust } from "./principal.js";
import { repairSurrogates } from "./surrogates.js";
import { shownTopic } from "./topic-bytes.js";
import { stampInReplyTo, stampTrust } from "./trust-stamp.js";

/** A frame that a dialect wants to hand on byte for byte to sessions of its own. */
export interface RawFrame {
  readonly dialect: string;
  readonly frame: string | Buffer;
}

/** A frame with its transport's header, built once for any number of sockets. */
export interface PreparedFrame {
  readonly bytes: Buffer;
}

/** A frame for all receivers of one dialect and variant. */
export interface Rendered {
  readonly key: string;
  /** Undefined if the dialect cannot express the message. */
  readonly frame: PreparedFrame | undefined;
}

/** What is known about a message besides its bytes. */
export interface Arrival {
  readonly topic: string;
  /** Wall clock at receipt, milliseconds. */
  readonly receivedAt: number;
  /** How well the sender is proved. */
  readonly trust: Trust;
  /** The connection or session it came from, to be compared by identity; undefined for the broker's own. */
  readonly origin: object | undefined;
  /**
   * The sender's principal, if its connection or session has one: the same object as in its presence. Guards of
   * invite-only rooms need it.
   */
  readonly speaker?: Principal | undefined;
}

/** Copies of a message that their receivers will never have, and why the first of them will not. */
export interface LostCopies {
  readonly count: number;
  /** `full`: the receiver is behind for now, and the same message may come through later; else it never will. */
  readonly code: Extract<FaultCode, "too-large" | "unsupported" | "full" | "unavailable" | "internal">;
  /** For the sender, with the remedy. */
  readonly why: string;
}

/**
 * An envelope on its way, as bytes and as object. Each is made from the other at most once, when it is first needed.
 * The router sets `sequence`.
 */
export class Message {
  readonly topic: string;
  readonly receivedAt: number;
  readonly trust: Trust;
  readonly origin: object | undefined;
  readonly speaker: Principal | undefined;
  /** The broker's own number of this message, rising; 0 until it is routed. */
  sequence = 0;
  /** The two-part ZMTP frame, built once by the first ZeroMQ peer that needs it. */
  wire: Buffer | undefined;
  /**
   * Frames rendered for WebSocket dialects, by dialect and variant; each is encoded once. There are rarely more than
   * two, and a short list is searched faster than a Map.
   */
  rendered: Rendered[] | undefined;
  /** Set for a message that must stay byte-exact between two sessions of one dialect. */
  raw: RawFrame | undefined;
  /** Of the taps, only those that may inspect receive it. */
  hidden = false;
  /** Copies that were dropped though their receivers wanted them; see `lose`. */
  lost: LostCopies | undefined;
  #payload: Buffer | undefined;
  /** True if the broker built the envelope: its broker keys are then right already, and its bytes stay. */
  readonly #ours: boolean;
  /** What the message answers, where its sender did not say it. */
  #answered: string | undefined;
  #stamped: Buffer | undefined;
  #borrowed: boolean;
  #reading: Reading | undefined;

  private constructor(arrival: Arrival, payload: Buffer | undefined, reading: Reading | undefined, ours: boolean) {
    this.topic = arrival.topic;
    this.receivedAt = arrival.receivedAt;
    this.trust = arrival.trust;
    this.origin = arrival.origin;
    this.speaker = arrival.speaker;
    this.#payload = payload;
    this.#ours = ours;
    this.#borrowed = !ours;
    this.#reading = reading;
  }

  /** From an envelope; `arrival.topic` is where it goes. */
  static of(envelope: Envelope, arrival: Arrival): Message {
    return new Message(arrival, undefined, { envelope }, true);
  }

  /** From bytes that may be overwritten once the current call is over; see `keep`. */
  static fromPayload(payload: Buffer, arrival: Arrival): Message {
    return new Message(arrival, payload, undefined, false);
  }

  /** From an envelope of the broker's own that is written already. */
  static ofWritten(payload: Buffer, arrival: Arrival): Message {
    return new Message(arrival, payload, undefined, true);
  }

  /**
   * The same words of the broker's for another topic: neither read nor written anew. Frames are not taken along, since
   * dialects show a message by its topic.
   */
  readdressed(topic: string): Message {
    if (!this.#ours) throw new Error("only what the broker wrote is sent again");
    const { receivedAt, payload } = this;
    return new Message({ topic, receivedAt, trust: "proved", origin: undefined }, payload, this.#reading, true);
  }

  /** The payload as it came, once it was read without halves of characters; or the envelope written as JSON. */
  get payload(): Buffer {
    if (this.#payload === undefined) {
      this.#payload = this.envelope === undefined ? Buffer.alloc(0) : Buffer.from(writeEnvelope(this.envelope));
    }
    return this.#payload;
  }

  /** The payload as ZeroMQ subscribers get it: the keys that only the broker may write hold the broker's values. */
  get stampedPayload(): Buffer {
    if (this.#ours) return this.payload;
    return (this.#stamped ??= this.#stamp());
  }

  /** The envelope, or undefined if the payload is not one; `problem` says why. */
  get envelope(): Envelope | undefined {
    const reading = this.#read();
    return "envelope" in reading ? reading.envelope : undefined;
  }

  /** True if the payload holds a key that only the broker writes, in any case: nobody is shown it. */
  get marked(): boolean {
    const reading = this.#read();
    return "envelope" in reading && reading.marked === true;
  }

  /** Why the payload is not an envelope, in words for its sender; undefined if it is one. */
  get problem(): string | undefined {
    const reading = this.#read();
    return "problem" in reading ? reading.problem : undefined;
  }

  /** What the payload holds as JSON if it is not an envelope; undefined if it is none that is read. */
  get unread(): unknown {
    const reading = this.#read();
    return "problem" in reading ? reading.value : undefined;
  }

  /**
   * Writes into a response which request it answers, in every form in which it is handed on (protocols §3.2). Before it
   * is routed.
   * @returns the envelope
   */
  answer(messageId: string): Envelope {
    const { envelope } = this;
    if (envelope === undefined) throw new Error("only an envelope can answer");
    const complete = { ...envelope, in_reply_to: messageId };
    this.#reading = { envelope: complete };
    this.#answered = messageId;
    this.#stamped = undefined;
    if (this.#ours) this.#payload = undefined;
    return complete;
  }

  /** Makes the payload safe to hold beyond the current call. A copy, at most once. */
  keep(): this {
    if (this.#borrowed && this.#payload !== undefined) {
      this.#payload = Buffer.from(this.#payload);
      this.#stamped = undefined;
    }
    this.#borrowed = false;
    return this;
  }

  /** A receiver did not get its copy, which is counted already; the sender is told why. */
  lose(code: LostCopies["code"], why: string): void {
    this.lost = this.lost === undefined ? { count: 1, code, why } : { ...this.lost, count: this.lost.count + 1 };
  }

  /** Bytes this message occupies while it is held. */
  get size(): number {
    return this.topic.length + this.payload.length;
  }

  /** From now on the payload is this text, in which no half of a character is left. */
  #repaired(text: string): void {
    this.#payload = Buffer.from(text);
    this.#borrowed = false;
    this.#stamped = undefined;
  }

  #stamp(): Buffer {
    const stamped = stampTrust(this.payload, this.trust === "claimed" ? undefined : this.trust);
    return this.#answered === undefined ? stamped : stampInReplyTo(stamped, this.#answered);
  }

  #read(): Reading {
    return (this.#reading ??= this.#parse());
  }

  #parse(): Reading {
    const payload = this.payload;
    if (!isUtf8(payload)) return { problem: "the payload is not valid UTF-8" };
    const written = payload.toString("utf8");
    const text = repairSurrogates(written);
    if (text !== written) this.#repaired(text);
    const json = readJson(text);
    if ("problem" in json) return { problem: `the payload is ${json.problem}` };
    const reading = readEnvelope(json.value, {
      topic: shownTopic(this.topic),
      receivedAt: this.receivedAt,
      fallbackId: `unnamed-${String(this.receivedAt)}`,
      trust: this.trust,
    });
    return "problem" in reading ? { ...reading, value: json.value } : reading;
  }
}
