import { Message, type BytesRoute, type Ledger, type Limits, type Route } from "../../core/index.js";
import { bodyStart, commandFlag, frameEnd, longFlag, moreFlag, Straddle, unitEnd } from "./codec.js";
import { FromGate } from "./forgery-check.js";
import { IllegalBytes } from "./codec.js";
import type { PublisherPeer, ZmtpPolicy } from "./policy.js";
import { topicText, type RouteCache } from "./route-cache.js";

/** From here on one copy for all subscribers is cheaper than one for each. */
const lastingMinBytes = 16 * 1024;

/** `$` begins the broker's own topics. */
const dollar = 0x24;

/** What all publishers share. */
export interface ForwardContext {
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly policy: ZmtpPolicy;
  readonly routes: RouteCache;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
}

/** The publisher whose messages are forwarded. */
export interface ForwardSource {
  readonly peer: PublisherPeer;
  readonly isOpen: boolean;
  command(body: Buffer): void;
}

/**
 * A publisher's chunks to their subscribers: the hot path. Consecutive messages of one topic that only ZeroMQ peers
 * receive leave as one
 * range of bytes (0.2–0.35 µs each); every other message goes to the policy, in order. Indices instead of objects, for
 * that reason.
 */
export class Forwarder {
  readonly #context: ForwardContext;
  readonly #source: ForwardSource;
  readonly #gate: FromGate;
  readonly #straddle = new Straddle();
  readonly #measure: (bytes: Buffer) => number;
  /** PLAIN proves a name that each `from` is compared with, by the policy. */
  readonly #proved: boolean;
  /** In a message of more than two parts: bytes of it so far. */
  #excess = 0;
  /** The first part of a message, kept while commands come between it and the next. */
  #first: Buffer | undefined;
  /** The message that `#whole` found. */
  #topicAt = 0;
  #topicEnd = 0;
  #bodyAt = 0;
  /** The run that has not been forwarded yet. */
  #route: BytesRoute | undefined;
  #runAt = 0;
  #runCount = 0;

  constructor(context: ForwardContext, source: ForwardSource) {
    this.#context = context;
    this.#source = source;
    this.#gate = new FromGate(context.policy);
    this.#proved = source.peer.mechanism === "PLAIN";
    const max = context.limits.zmqFrameMaxBytes;
    this.#measure = (bytes) => (this.#inMessage ? frameEnd(bytes, 0, max) : unitEnd(bytes, 0, max));
  }

  /** Bytes held of a message that is not complete. */
  get held(): number {
    return this.#straddle.size + (this.#first?.length ?? 0);
  }

  /** True between the parts of a message, which are read one by one. */
  get #inMessage(): boolean {
    return this.#excess > 0 || this.#first !== undefined;
  }

  /**
   * Takes a chunk, borrowed for this call.
   * @throws IllegalBytes after everything before the illegal bytes has been forwarded
   */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#source.isOpen) {
      if (this.#straddle.size === 0) {
        at = this.#scan(chunk, at);
      } else {
        at = this.#straddle.fill(chunk, at, this.#measure);
        const unit = this.#straddle.take();
        if (unit !== undefined) this.#scan(unit, 0);
      }
    }
  }

  /** Reads whole units from `chunk[from]` on, holds what is left. @returns how far it read */
  #scan(chunk: Buffer, from: number, gate = this.#gate): number {
    const end = chunk.length;
    const frameMax = this.#context.limits.zmqFrameMaxBytes;
    let at = from;
    let topicAt = 0;
    let topicSize = -1;
    let found: Route | undefined;
    this.#route = undefined;
    gate.begin();
    while (at < end) {
      // The usual message, read here: a topic of up to 255 bytes with MORE, then the last frame.
      let thisTopic = at + 2;
      let bodyHead = thisTopic + (chunk[at + 1] ?? 0);
      let bodyAt = bodyHead + 2;
      let next = end + 1;
      if (chunk[at] === moreFlag && bodyAt <= end && !this.#inMessage) {
        const flags = chunk[bodyHead];
        if (flags === 0) {
          next = bodyAt + (chunk[bodyHead + 1] ?? 0);
        } else if (flags === longFlag && bodyHead + 9 <= end && chunk.readUInt32BE(bodyHead + 1) === 0) {
          const size = chunk.readUInt32BE(bodyHead + 5);
          bodyAt = bodyHead + 9;
          if (size <= frameMax) next = bodyAt + size;
        }
      }
      if (next > end) {
        // Everything else: commands, parts of messages, messages of other shapes, illegal bytes.
        this.#flush(chunk, at);
        next = this.#unit(chunk, at);
        if (next > end || !this.#source.isOpen) return end;
        if (this.#topicAt === -1) {
          at = next;
          continue;
        }
        thisTopic = this.#topicAt;
        bodyHead = this.#topicEnd;
        bodyAt = this.#bodyAt;
      }
      const size = bodyHead - thisTopic;
      if (size !== topicSize || !sameBytes(chunk, topicAt, thisTopic, size)) {
        this.#flush(chunk, at);
        found = this.#find(chunk, thisTopic, bodyHead);
        this.#route = this.#proved ? undefined : found?.bytes;
      } else if (this.#route === undefined) {
        found = this.#find(chunk, thisTopic, bodyHead);
        this.#route = this.#proved ? undefined : found?.bytes;
      }
      topicAt = thisTopic;
      topicSize = size;
      if (this.#route !== undefined && gate.passes(chunk, bodyAt, next)) {
        if (this.#runCount === 0) this.#runAt = at;
        this.#runCount += 1;
      } else {
        this.#flush(chunk, at);
        this.#look(
          found === undefined ? this.#text(chunk, thisTopic, bodyHead) : found.topic,
          chunk.subarray(bodyAt, next),
        );
        if (!this.#source.isOpen) return end;
        this.#route = undefined;
        gate.renew();
      }
      at = next;
    }
    this.#flush(chunk, at);
    return at;
  }

  /**
   * Reads one unit of any shape. A message of two parts is left in `#topicAt` … for the caller; -1 there means that it
   * is dealt with.
   * @returns where it ends; beyond the chunk when it is held for the next one
   */
  #unit(chunk: Buffer, at: number): number {
    const { limits } = this.#context;
    this.#topicAt = -1;
    const end = this.#inMessage
      ? frameEnd(chunk, at, limits.zmqFrameMaxBytes)
      : unitEnd(chunk, at, limits.zmqFrameMaxBytes);
    if (end > chunk.length) {
      this.#straddle.hold(chunk, at, chunk.length, end - at);
      return end;
    }
    if (end - at > limits.zmqMessageMaxBytes + 18) throw new IllegalBytes("zmtp-message-too-large");
    const flags = chunk[at] ?? 0;
    const body = bodyStart(chunk, at);
    if ((flags & commandFlag) !== 0) {
      this.#source.command(chunk.subarray(body, end));
      return end;
    }
    if (this.#first !== undefined) {
      const whole = Buffer.concat([this.#first, chunk.subarray(at, end)]);
      this.#first = undefined;
      this.#scan(whole, 0, new FromGate(this.#context.policy));
      this.#route = undefined;
      this.#topicAt = -1;
      return end;
    }
    if (this.#excess > 0 || (flags & moreFlag) === 0) return this.#odd(flags, at, end);
    const second = frameEnd(chunk, at, limits.zmqFrameMaxBytes);
    const secondFlags = chunk[second] ?? 0;
    const secondBody = bodyStart(chunk, second);
    if ((secondFlags & commandFlag) !== 0) {
      // A command between two parts, which RFC 23 forbids and libzmq's heartbeat does. The first part is kept once,
      // however many follow:
      // copied with each of them it took 18 s to read 1.2 MB of commands behind 1 MB.
      this.#first = Buffer.from(chunk.subarray(at, second));
      this.#source.command(chunk.subarray(secondBody, end));
      return end;
    }
    if ((secondFlags & moreFlag) !== 0) return this.#odd(secondFlags, at, end);
    this.#topicAt = body;
    this.#topicEnd = second;
    this.#bodyAt = secondBody;
    return end;
  }

  /** A message of one part, or of more than two: dropped, and counted when its last part is there. */
  #odd(flags: number, at: number, end: number): number {
    this.#excess += end - at;
    if (this.#excess > this.#context.limits.zmqMessageMaxBytes) throw new IllegalBytes("zmtp-message-too-large");
    if ((flags & moreFlag) === 0) {
      this.#excess = 0;
      this.#context.ledger.messages.accepted += 1;
      this.#context.ledger.malformed("zmtp-not-two-parts");
    }
    return end;
  }

  /** The route of a topic; the broker's own topics pass as bytes for nobody. */
  #find(chunk: Buffer, start: number, end: number): Route | undefined {
    return chunk[start] === dollar || end - start > this.#context.limits.zmqTopicMaxBytes
      ? undefined
      : this.#context.routes.route(chunk, start, end);
  }

  #text(chunk: Buffer, start: number, end: number): string | undefined {
    return end - start > this.#context.limits.zmqTopicMaxBytes ? undefined : topicText(chunk, start, end);
  }

  /**
   * Forwards the run that ends at `end`. The chunk is read into again: several subscribers share one copy that lasts.
   */
  #flush(chunk: Buffer, end: number): void {
    const count = this.#runCount;
    const route = this.#route;
    if (count === 0 || route === undefined) return;
    const start = this.#runAt;
    this.#runCount = 0;
    const { messages } = this.#context.ledger;
    messages.accepted += count;
    messages.routed += count;
    const lasting = end - start >= lastingMinBytes && route.wires.length + route.observers.length > 1;
    const bytes = lasting ? Buffer.from(chunk.subarray(start, end)) : chunk;
    const from = lasting ? 0 : start;
    const to = lasting ? end - start : end;
    for (const wire of route.wires) wire.forward(bytes, from, to, count, false, lasting);
    for (const observer of route.observers) observer.forward(bytes, from, to, count, true, lasting);
  }

  #look(topic: string | undefined, payload: Buffer): void {
    const { ledger, now, policy } = this.#context;
    const { peer } = this.#source;
    ledger.messages.accepted += 1;
    if (topic === undefined) {
      ledger.malformed("zmtp-topic-unreadable");
      return;
    }
    policy.look(
      Message.fromPayload(payload, {
        topic,
        receivedAt: now(),
        trust: peer.principal?.trust ?? "claimed",
        origin: peer,
        speaker: peer.principal,
      }),
      peer,
    );
  }
}

function sameBytes(chunk: Buffer, one: number, other: number, size: number): boolean {
  for (let at = 0; at < size; at += 1) if (chunk[one + at] !== chunk[other + at]) return false;
  return true;
}
