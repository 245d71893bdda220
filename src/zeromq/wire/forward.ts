import { isPacked, Message, topicOf, type BytesRoute, type Route } from "../../core/index.js";
import { bodyStart, commandFlag, frameEnd, longFlag, moreFlag, PartialUnit, unitEnd } from "./codec.js";
import { ForgeryCheck } from "./forgery-check.js";
import { IllegalBytes } from "./codec.js";
import { Losses } from "./losses.js";
import type { SharedParts } from "./peer.js";
import type { PublisherPeer } from "./policy.js";
import { ShownRuns } from "./shown-runs.js";

/** From this size on, or for so many subscribers, one copy for all of them is cheaper than one for each. */
const lastingMinBytes = 16 * 1024;
const lastingForMore = 64;

/**
 * After so many copies the rest of a chunk may wait for another turn: a message to 2,000 receivers takes 1 ms and more.
 */
const manyCopies = 1_000;
/** So may it after messages that took so long, milliseconds: one may have to read thousands of rows of a mailbox. */
const longMs = 2;

/** `$` begins the broker's own topics. */
const dollar = 0x24;

/** Parts of the broker that forwarding needs. */
type ForwardParts = Pick<SharedParts, "ledger" | "limits" | "clock" | "policy" | "routes" | "passing" | "warn">;

/** The publisher whose messages are forwarded. */
export interface ForwardSource {
  readonly peer: PublisherPeer;
  readonly isOpen: boolean;
  command(body: Buffer): void;
}

/**
 * Takes a publisher's chunks to their subscribers: the hot path. Consecutive messages of one topic that only ZeroMQ
 * peers receive are forwarded as one range of bytes (0.2–0.35 µs for each message); every other message goes to the
 * policy, in order. To be that fast it works with indices instead of objects.
 */
export class Forwarder {
  readonly #parts: ForwardParts;
  readonly #source: ForwardSource;
  readonly #check: ForgeryCheck;
  readonly #losses: Losses;
  /** Made when somebody looks for the first time. */
  #shown: ShownRuns | undefined;
  readonly #partial = new PartialUnit();
  readonly #measure: (bytes: Buffer) => number;
  /** PLAIN proved a name: the policy compares each `from` with it, so nothing passes as bytes. */
  readonly #proved: boolean;
  /** Inside a message of more than two parts: bytes of it so far. */
  #excess = 0;
  /** The first part of a message, kept while commands come between it and the next. */
  #first: Buffer | undefined;
  /** The message of two parts that `#unit` has read. */
  #topicAt = 0;
  #topicEnd = 0;
  #bodyAt = 0;
  /** Messages of one topic that follow each other and have not been forwarded yet. */
  #route: BytesRoute | undefined;
  #runAt = 0;
  #runCount = 0;
  /** How many copies there may be in the ledger before the rest of the chunk waits. */
  #copiesEnough = 0;
  /** Monotonic: from then on the rest of the chunk waits. */
  #longAt = 0;

  constructor(parts: ForwardParts, source: ForwardSource) {
    this.#parts = parts;
    this.#source = source;
    this.#check = new ForgeryCheck(parts.policy);
    this.#losses = new Losses(parts, "in", source.peer);
    this.#proved = source.peer.mechanism === "PLAIN";
    const max = parts.limits.zmqFrameMaxBytes;
    this.#measure = (bytes) => (this.#inMessage ? frameEnd(bytes, 0, max) : unitEnd(bytes, 0, max));
  }

  /** Bytes kept of a message that is not complete. */
  get unfinishedBytes(): number {
    return this.#partial.size + (this.#first?.length ?? 0);
  }

  /** True between the parts of one message: from then on its parts are read one by one. */
  get #inMessage(): boolean {
    return this.#excess > 0 || this.#first !== undefined;
  }

  /**
   * Takes a chunk, borrowed for this call, or the beginning of it when that went to very many or took long.
   * @returns how many bytes it took
   * @throws IllegalBytes after everything before the illegal bytes has been forwarded
   */
  push(chunk: Buffer): number {
    let at = 0;
    this.#copiesEnough = this.#copies + manyCopies;
    this.#longAt = this.#parts.clock.monotonic() + longMs;
    while (at < chunk.length && !this.#isEnough) {
      if (!this.#source.isOpen) return chunk.length;
      if (this.#partial.size === 0) {
        at = this.#scan(chunk, at);
      } else {
        at = this.#partial.fill(chunk, at, this.#measure);
        const unit = this.#partial.take();
        if (unit !== undefined) this.#scan(unit, 0);
      }
    }
    return at;
  }

  /** The rest of the chunk may wait. */
  get #isEnough(): boolean {
    return this.#copies >= this.#copiesEnough || this.#parts.clock.monotonic() >= this.#longAt;
  }

  /** How many copies there have been of anybody's messages. */
  get #copies(): number {
    const { copies, taps } = this.#parts.ledger;
    return copies.copies + taps.copies;
  }

  /** Reads whole units from `chunk[from]` on and keeps what is left. @returns how far it read */
  #scan(chunk: Buffer, from: number, check = this.#check): number {
    const end = chunk.length;
    const frameMax = this.#parts.limits.zmqFrameMaxBytes;
    let at = from;
    let topicAt = 0;
    let topicSize = -1;
    let found: Route | undefined;
    this.#route = undefined;
    check.begin();
    while (at < end) {
      // The usual message is read here: a topic of up to 255 bytes with MORE, then the last frame.
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
        this.#flush(chunk, at, found);
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
        if (this.#runCount > 0) {
          this.#flush(chunk, at, found);
          if (this.#copies >= this.#copiesEnough) return at;
        }
        found = this.#find(chunk, thisTopic, bodyHead);
        this.#route = this.#proved ? undefined : found?.bytes;
      } else if (this.#route === undefined) {
        found = this.#find(chunk, thisTopic, bodyHead);
        this.#route = this.#proved ? undefined : found?.bytes;
      }
      topicAt = thisTopic;
      topicSize = size;
      if (this.#route !== undefined && check.passes(chunk, bodyAt, next)) {
        if (this.#runCount === 0) this.#runAt = at;
        this.#runCount += 1;
      } else {
        this.#flush(chunk, at, found);
        this.#handOver(
          found === undefined ? this.#text(chunk, thisTopic, bodyHead) : found.topic,
          chunk.subarray(bodyAt, next),
        );
        if (!this.#source.isOpen) return end;
        this.#route = undefined;
        check.renew();
        if (this.#isEnough) return next;
      }
      at = next;
    }
    this.#flush(chunk, at, found);
    return at;
  }

  /**
   * Reads one unit of any shape. A message of two parts is left in `#topicAt`, `#topicEnd` and `#bodyAt` for the
   * caller; when `#topicAt` is -1, nothing is left to do.
   * @returns where the unit ends; beyond the chunk when its beginning is kept for the next one
   */
  #unit(chunk: Buffer, at: number): number {
    const { limits } = this.#parts;
    this.#topicAt = -1;
    const end = this.#inMessage
      ? frameEnd(chunk, at, limits.zmqFrameMaxBytes)
      : unitEnd(chunk, at, limits.zmqFrameMaxBytes);
    if (end > chunk.length) {
      this.#partial.keep(chunk, at, chunk.length, end - at);
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
      this.#scan(whole, 0, new ForgeryCheck(this.#parts.policy));
      this.#route = undefined;
      this.#topicAt = -1;
      return end;
    }
    if (this.#excess > 0 || (flags & moreFlag) === 0) return this.#odd(flags, at, end);
    const second = frameEnd(chunk, at, limits.zmqFrameMaxBytes);
    const secondFlags = chunk[second] ?? 0;
    const secondBody = bodyStart(chunk, second);
    if ((secondFlags & commandFlag) !== 0) {
      // A command between two parts: RFC 23 forbids it, and libzmq's heartbeat does it. The first part is kept once,
      // however many commands follow: when it was copied with each of them, it took 18 s to read 1.2 MB of commands
      // behind 1 MB.
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

  /** A message of one part, or of more than two: it is dropped, and counted when its last part has come. */
  #odd(flags: number, at: number, end: number): number {
    this.#excess += end - at;
    if (this.#excess > this.#parts.limits.zmqMessageMaxBytes) throw new IllegalBytes("zmtp-message-too-large");
    if ((flags & moreFlag) === 0) {
      this.#excess = 0;
      this.#parts.ledger.messages.accepted += 1;
      this.#parts.ledger.malformed("zmtp-not-two-parts");
      this.#losses.tell("zmtp-not-two-parts");
    }
    return end;
  }

  /** The route of a topic; undefined for the broker's own topics, which never pass as bytes. */
  #find(chunk: Buffer, start: number, end: number): Route | undefined {
    if (end - start > this.#parts.limits.zmqTopicMaxBytes) return undefined;
    if (chunk[start] === dollar && !isPacked(topicOf(chunk, start, end))) return undefined;
    return this.#parts.routes.route(chunk, start, end);
  }

  #text(chunk: Buffer, start: number, end: number): string | undefined {
    return end - start > this.#parts.limits.zmqTopicMaxBytes ? undefined : topicOf(chunk, start, end);
  }

  /**
   * Forwards the messages that end at `end`; `found` is their topic's. The chunk is overwritten by the next read, so
   * several subscribers share one copy of them.
   */
  #flush(chunk: Buffer, end: number, found: Route | undefined): void {
    const count = this.#runCount;
    const route = this.#route;
    if (count === 0 || route === undefined) return;
    const start = this.#runAt;
    this.#runCount = 0;
    const { messages } = this.#parts.ledger;
    messages.accepted += count;
    messages.routed += count;
    const hearers = route.wires.length + route.observers.length;
    const lasting = (end - start >= lastingMinBytes && hearers > 1) || hearers > lastingForMore;
    const bytes = lasting ? Buffer.from(chunk.subarray(start, end)) : chunk;
    const from = lasting ? 0 : start;
    const to = lasting ? end - start : end;
    for (const wire of route.wires) wire.forward(bytes, from, to, count, false, lasting);
    for (const observer of route.observers) observer.forward(bytes, from, to, count, true, lasting);
    const { watcher } = this.#parts.passing;
    if (watcher !== undefined && found !== undefined)
      (this.#shown ??= new ShownRuns()).show(watcher, found.topic, bytes, from, to, count);
  }

  /** Gives a message to the policy. */
  #handOver(topic: string | undefined, payload: Buffer): void {
    const { clock, ledger, policy } = this.#parts;
    const { peer } = this.#source;
    ledger.messages.accepted += 1;
    if (topic === undefined) {
      ledger.malformed("zmtp-topic-too-long");
      this.#losses.tell("zmtp-topic-too-long");
      return;
    }
    policy.received(
      Message.fromPayload(payload, {
        topic,
        receivedAt: clock.now(),
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
