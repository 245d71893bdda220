import { isUtf8 } from "node:buffer";
import type { Arrival, LostCopies } from "./arrival.js";
import { readEnvelope, type Reading } from "./envelope-reading.js";
import { writeEnvelope } from "./envelope-writing.js";
import type { Envelope } from "./envelope.js";
import type { RawFrame, Rendered } from "./frames.js";
import { readJson } from "./json.js";
import type { Marks } from "./marks.js";
import type { Principal, Trust } from "./principal.js";
import { repairSurrogates } from "./surrogates.js";
import { shownTopic } from "./topic-bytes.js";
import { stampInReplyTo, stampMarks, stampTrust } from "./trust-stamp.js";

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
  /**
   * Its frame is for the sessions of its own dialect and for nobody else: it is never stored, tapped or followed, and
   * its envelope holds no content (Agent Network §3.1).
   */
  sealed = false;
  /** Its sender is told that it got through, so it is told if it did not, whyever. */
  acknowledged = false;
  /** Taps hear it only where somebody hears it whom it is for (Agent Network §3.7). */
  discreet = false;
  /** Copies that were dropped though their receivers wanted them; see `lose`. */
  lost: LostCopies | undefined;
  #payload: Buffer | undefined;
  /** True if the broker built the envelope: its broker keys are then right already, and its bytes stay. */
  readonly #ours: boolean;
  /** The broker's own, of a message that it has kept. */
  readonly #marks: Marks | undefined;
  /** What the message answers, where its sender did not say it. */
  #answered: string | undefined;
  #stamped: Buffer | undefined;
  #borrowed: boolean;
  #reading: Reading | undefined;

  private constructor(
    arrival: Arrival,
    payload: Buffer | undefined,
    reading: Reading | undefined,
    ours: boolean,
    marks?: Marks,
  ) {
    this.topic = arrival.topic;
    this.receivedAt = arrival.receivedAt;
    this.trust = arrival.trust;
    this.origin = arrival.origin;
    this.speaker = arrival.speaker;
    this.#payload = payload;
    this.#ours = ours;
    this.#marks = marks;
    this.#borrowed = !ours && marks === undefined;
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
   * From bytes that were kept for a while and that nobody overwrites: the payload as it once came, or as it was handed
   * on. It is read as if it came now, but its trust and its time are those of its arrival; the marks stand in its
   * envelope, and in the bytes that ZeroMQ subscribers get.
   */
  static kept(payload: Uint8Array, arrival: Arrival, marks: Marks): Message {
    const { buffer, byteOffset, byteLength } = payload;
    return new Message(arrival, Buffer.from(buffer, byteOffset, byteLength), undefined, false, marks);
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
    const trust = this.trust === "claimed" ? undefined : this.trust;
    const { payload } = this;
    const stamped = this.#marks === undefined ? stampTrust(payload, trust) : stampMarks(payload, trust, this.#marks);
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
      marks: this.#marks,
    });
    return "problem" in reading ? { ...reading, value: json.value } : reading;
  }
}
