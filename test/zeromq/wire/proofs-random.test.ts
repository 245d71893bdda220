import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultLimits, Message } from "../../../src/core/index.js";
import { FrameReader } from "../../../src/zeromq/wire/codec.js";
import { encodePing, readCommand, readPing } from "../../../src/zeromq/wire/commands.js";
import { Heartbeat } from "../../../src/zeromq/wire/peer.js";
import { SubscriberRecipient } from "../../../src/zeromq/wire/recipient.js";
import { QueueSetup } from "../../kit/queue-setup.js";

/** A subscriber that is handed messages, and its peer, which reads frame by frame when it is told to. */
class Line {
  readonly setup = new QueueSetup();
  readonly heartbeat = new Heartbeat(defaultLimits, true, 0);
  readonly recipient = new SubscriberRecipient({
    principal: undefined,
    sendQueue: this.setup.queue,
    heartbeat: this.heartbeat,
    limits: defaultLimits,
    clock: { monotonic: () => this.setup.time },
  });
  pushed = 0;
  /** Messages that the peer has read. */
  read = 0;
  /** For each question that was answered: how much had been pushed before it, and read when it was answered. */
  readonly proved: { readonly pushed: number; readonly read: number }[] = [];
  questions = 0;
  readonly #echoes: boolean;
  readonly #reader = new FrameReader(1_000_000);
  #arrived = 0;
  readonly #frames: { readonly flags: number; readonly body: Buffer }[] = [];
  /** PINGs that the peer has not read yet. */
  #pings = 0;

  constructor(echoes: boolean) {
    this.#echoes = echoes;
  }

  push(): void {
    this.pushed += 1;
    const arrival = { topic: "bob", receivedAt: 0, trust: "claimed", origin: undefined } as const;
    expect(this.recipient.push(Message.ofWritten(Buffer.from("x"), arrival))).toBe("taken");
  }

  ask(): void {
    const { pushed } = this;
    this.questions += 1;
    this.recipient.prove({}, () => this.proved.push({ pushed, read: this.read }));
  }

  /** As the connection does. */
  beat(): void {
    this.setup.queue.control(encodePing(this.recipient.openMark));
    this.heartbeat.pinged();
  }

  /** The peer reads a frame. A PING is answered, or with `skips` only if no other one is there behind it. */
  next(skips: boolean): void {
    this.#fetch();
    const frame = this.#frames.shift();
    if (frame === undefined) return;
    if ((frame.flags & 4) === 0) {
      this.read += (frame.flags & 1) === 0 ? 1 : 0;
      return;
    }
    this.#pings -= 1;
    if (skips && this.#pings > 0) return;
    const { context } = readPing(readCommand(frame.body).data);
    this.#pong(this.#echoes ? context : Buffer.alloc(0));
  }

  /** The peer sends a PONG that nobody asked for, when it has answered everything. */
  unasked(context: Buffer): void {
    this.#fetch();
    if (context.length > 0 || this.#pings === 0) this.#pong(context);
  }

  #pong(context: Buffer): void {
    this.heartbeat.pong(context.length > 0);
    this.recipient.pong(context);
  }

  #fetch(): void {
    const bytes = this.setup.drain();
    this.#reader.feed(bytes.subarray(this.#arrived));
    this.#arrived = bytes.length;
    for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
      this.#frames.push(frame);
      if ((frame.flags & 4) !== 0) this.#pings += 1;
    }
  }
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.constant("push") },
  { weight: 2, arbitrary: fc.constant("ask") },
  { weight: 1, arbitrary: fc.constant("beat") },
  { weight: 6, arbitrary: fc.constant("next") },
  { weight: 1, arbitrary: fc.constant("skip") },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 9 }) },
);

describe.each([
  ["that sends contexts back", true],
  ["that leaves contexts out", false],
])("a ZeroMQ peer %s", (_what, echoes) => {
  it("proves only what it has read, whatever is pushed, asked, answered, left out and sent unasked", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
        const line = new Line(echoes);
        for (const what of steps) {
          if (what === "push") line.push();
          else if (what === "ask") line.ask();
          else if (what === "beat") line.beat();
          else if (typeof what === "string") line.next(what === "skip");
          else line.unasked(Buffer.from(what));
        }
        for (const { pushed, read } of line.proved) expect(read).toBeGreaterThanOrEqual(pushed);
        // When all is read and answered, heartbeats go on until every question is.
        for (let n = 0; n < 2 * steps.length + 10; n += 1) line.next(false);
        for (let n = 0; n < steps.length && line.proved.length < line.questions; n += 1) {
          line.beat();
          for (let frames = 0; frames < 3; frames += 1) line.next(false);
        }
        expect(line.proved).toHaveLength(line.questions);
        for (const { pushed, read } of line.proved) expect(read).toBeGreaterThanOrEqual(pushed);
      }),
      { numRuns: 300 },
    );
  });
});
