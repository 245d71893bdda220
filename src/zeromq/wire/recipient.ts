import { randomBytes } from "node:crypto";
import {
  markBytes,
  Proofs,
  type Clock,
  type Limits,
  type Message,
  type Principal,
  type Pushed,
  type Recipient,
  type SendQueue,
} from "../../core/index.js";
import { encodeMessage } from "./codec.js";
import { encodePing } from "./commands.js";
import type { Heartbeat } from "./peer.js";

/** A peer that may not be pinged has what was written once its connection has lived on for so long, milliseconds. */
const livedOnMs = 2_000;

/** What a subscriber lends to its {@link SubscriberRecipient}. */
export interface RecipientParts {
  readonly principal: Principal | undefined;
  readonly sendQueue: SendQueue;
  readonly heartbeat: Heartbeat;
  readonly limits: Pick<Limits, "zmqBacklogMaxBytes" | "zmqNamesMax">;
  readonly clock: Pick<Clock, "monotonic">;
}

/** What is open: a PING of ours by its number, or bytes that are to be written, and were at `writtenAt` (monotonic). */
type Awaited = { readonly ping: number } | { writtenAt: number | undefined };

/**
 * A subscriber's connection as a mailbox hands over to it (ZeroMQ §12.6). A PONG proves if it carries the context of the
 * open PING. Some libraries leave the context out: of a peer that has never sent one back, PONGs without context are
 * counted, and the one proves that answers as many PINGs as were sent up to the open one.
 */
export class SubscriberRecipient implements Recipient {
  readonly principal: Principal | undefined;
  readonly #parts: RecipientParts;
  readonly #proofs: Proofs;
  #awaited: Awaited | undefined;
  /** It has sent a context back: its PONGs without one answer other PINGs. */
  #echoes = false;

  constructor(parts: RecipientParts) {
    this.principal = parts.principal;
    this.#parts = parts;
    this.#proofs = new Proofs({
      monotonic: () => parts.clock.monotonic(),
      newMark: () => randomBytes(markBytes),
      ping: (mark) => {
        this.#ask(mark);
      },
      askersMax: parts.limits.zmqNamesMax + 16, // a mailbox for each name, its rooms, and former mailboxes
    });
  }

  get canProve(): boolean {
    return this.#parts.heartbeat.knowsPings;
  }

  /** True while it has not proved that it read what was handed over. */
  get isProving(): boolean {
    return this.#proofs.isOpen;
  }

  /** What heartbeats are to carry meanwhile. */
  get openMark(): Buffer | undefined {
    return this.#proofs.openMark;
  }

  push(message: Message): Pushed {
    const { limits, sendQueue } = this.#parts;
    if (sendQueue.closed) return "closed";
    const wire = (message.wire ??= encodeMessage(message.topic, message.stampedPayload));
    if (wire.length > limits.zmqBacklogMaxBytes) {
      const [size, most] = [String(wire.length), String(limits.zmqBacklogMaxBytes)];
      return { unrenderable: `it has ${size} bytes, and ${most} are the most that wait for one agent` };
    }
    if (!sendQueue.hasRoomFor(wire.length)) return "full";
    sendQueue.append(wire, 0, wire.length, 1, false, true);
    return "taken";
  }

  prove(asker: object, proved: (tookMs: number) => void): void {
    const { sendQueue } = this.#parts;
    if (sendQueue.closed) return;
    this.#proofs.ask(asker, (tookMs) => {
      if (!sendQueue.closed) proved(tookMs);
    });
  }

  /** A PONG came, which the heartbeat has counted. */
  pong(context: Buffer): void {
    const awaited = this.#awaited;
    if (context.length > 0) {
      if (!this.#proofs.answer(context)) return;
      this.#echoes = true;
      if (awaited !== undefined && "ping" in awaited) this.#parts.heartbeat.answeredUpTo(awaited.ping);
    } else if (awaited !== undefined && "ping" in awaited && !this.#echoes) {
      if (this.#parts.heartbeat.answered >= awaited.ping) this.#proofs.answered();
    }
  }

  /** Called twice a second. `now`: monotonic milliseconds. */
  tick(now: number): void {
    const awaited = this.#awaited;
    if (awaited === undefined || "ping" in awaited || awaited.writtenAt === undefined) return;
    if (now - awaited.writtenAt >= livedOnMs) this.#proofs.answered();
  }

  #ask(mark: Buffer): void {
    const { clock, heartbeat, sendQueue } = this.#parts;
    if (heartbeat.knowsPings) {
      this.#awaited = { ping: heartbeat.pinged() };
      sendQueue.control(encodePing(mark));
      return;
    }
    const written: Awaited = { writtenAt: undefined };
    this.#awaited = written;
    sendQueue.whenWritten(() => {
      written.writtenAt = clock.monotonic();
    });
  }
}
