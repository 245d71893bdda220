import type { AheadFrame } from "./ahead.js";
import { Expiry } from "./expiry.js";
import type { Item, Lane } from "./lane.js";
import type { NewMessage, OutboxPorts } from "./outbox-ports.js";
import { Pace, type Rate } from "./pace.js";
import { judge } from "./refusals.js";
import { NotTaken } from "./reports.js";
import { Sending } from "./sending.js";
import { Settled } from "./settled.js";
import { Waiting, weigh } from "./waiting.js";
import { expired } from "./words.js";

export type { Kept, KeptMessages, NewMessage, OutboxPorts } from "./outbox-ports.js";
export { NotTaken, type DeliveryFailure, type DeliveryReport, type DeliveryState } from "./reports.js";

/** How long a message is kept at most, milliseconds (Agent Network §12.2). */
export const keptMs = 7 * 24 * 60 * 60_000;
/**
 * Everything that this agent says, until it is delivered or given up (Agent Network §12): on disk, then said in its
 * order as soon as there is a line, a key and a recipient, and again until its receipt comes. It decides what is said
 * when; it has no socket and no key.
 */
export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #pace: Pace;
  readonly #waiting = new Waiting();
  readonly #settled: Settled;
  readonly #sending: Sending;
  readonly #expiry: Expiry;
  #phase: "new" | "open" | "closed" = "new";
  #seq = 0;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
    this.#pace = new Pace(ports.clock);
    this.#settled = new Settled(ports, (item) => {
      this.#sending.left(item);
    });
    this.#sending = new Sending(ports, this.#pace, this.#waiting, this.#settled);
    this.#expiry = new Expiry(
      ports.clock,
      () => ports.now(),
      this.#waiting,
      (lane, item) => {
        this.#sending.end(lane, item, expired(item));
      },
      () => {
        this.#sending.run();
      },
    );
  }

  /** Messages that wait: each that was kept, and is not yet told as delivered or failed. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Takes in what was kept before, in its order. */
  open(): Promise<void> {
    if (this.#phase !== "new") return Promise.resolve();
    this.#phase = "open";
    for (const kept of [...this.#ports.kept.all()].sort((one, other) => one.seq - other.seq)) {
      this.#seq = Math.max(this.#seq, kept.seq);
      const { item, lane } = this.#waiting.enter(kept, weigh(kept), true);
      this.#kept(item);
      this.#sending.changed(lane);
    }
    this.#sending.run();
    return Promise.resolve();
  }

  /**
   * Keeps a message; when this resolves it is on disk, where there is one, and in its turn.
   * @throws NotTaken; what the store throws. Nothing is kept then
   */
  async add(message: NewMessage): Promise<void> {
    if (this.#phase !== "open") throw new NotTaken("closed", "the client is closed; connect first");
    const bytes = weigh(message);
    this.#waiting.check(message, bytes);
    const keptAt = this.#ports.now();
    const longest = keptAt + keptMs;
    const expiresAt = Math.min(Number.isNaN(message.expiresAt) ? longest : (message.expiresAt ?? longest), longest);
    this.#seq += 1;
    // Its place is taken before it is on disk: what is said after it comes behind it.
    const { item, lane } = this.#waiting.enter({ ...message, seq: this.#seq, keptAt, expiresAt }, bytes, false);
    try {
      await this.#ports.kept.put(item.kept);
    } catch (error) {
      lane.remove(item);
      this.#waiting.leave(item);
      this.#sending.changed(lane);
      this.#sending.run();
      throw error;
    }
    lane.isKept(item);
    this.#kept(item);
    this.#sending.added(lane, item);
    this.#sending.run();
  }

  /** The login is done: what has no receipt is said again. */
  lineUp(): void {
    if (this.#phase === "closed") return;
    this.#sending.lineUp();
    this.#sending.run();
  }

  /** The connection is lost. */
  lineDown(): void {
    this.#sending.lineDown();
  }

  /** What the broker allows (Agent Network §12.5). */
  rate(rate: Partial<Rate>): void {
    this.#pace.set(rate);
    this.#sending.run();
  }

  /**
   * A handshake is complete.
   * @param isNew it has made a new key: what has no receipt is sealed anew. False: one was only repeated
   */
  ready(peer: string, conversationId: string, isNew = true): void {
    if (this.#phase !== "open") return;
    this.#sending.here(peer);
    const lane = this.#waiting.sealed(peer, conversationId);
    if (lane !== undefined && isNew) this.#sending.ready(lane);
    // A peer in seed mode has one key for all its conversations.
    this.#sending.wakeAll(peer);
    this.#sending.run();
  }

  /** A handshake is wanted, though there may be nothing to say. */
  offerWanted(peer: string, conversationId: string): void {
    if (this.#phase !== "open") return;
    const lane = this.#waiting.wanted(peer, conversationId);
    if (lane !== undefined) this.#sending.want(lane);
    this.#sending.run();
  }

  /** The application has accepted this peer's new key: what waited for that goes on. */
  keyAccepted(peer: string): void {
    if (this.#phase !== "open") return;
    this.#sending.wakeAll(peer);
    this.#sending.run();
  }

  /** The peer's sealed and signed receipt: it has processed these. */
  receipt(peer: string, ids: readonly string[]): void {
    // In seed mode there is none (Agent Network §13.4): the broker could have written it.
    if (this.#phase !== "open" || this.#ports.conversations.mode(peer) === "seed") return;
    const lanes: Lane[] = [];
    for (const id of ids) {
      const found = this.#waiting.find(id);
      if (found?.lane.peer !== peer || found.lane.isPlain || found.item.phase === "keeping") continue;
      this.#sending.end(found.lane, found.item, { state: "delivered" });
      if (!lanes.includes(found.lane)) lanes.push(found.lane);
    }
    if (lanes.length === 0) return;
    // It processes in order, and so does not get to the others before: their tries count from here.
    for (const lane of lanes) for (const item of lane.said()) item.tries = 0;
    this.#sending.here(peer);
    this.#sending.run();
  }

  /** The broker's ACK: what has no receipt is delivered by it (Agent Network §3.4, §13.4). */
  acked(id: string): void {
    if (this.#phase !== "open") return;
    const offering = this.#sending.offering(id);
    if (offering !== undefined) this.#sending.here(offering.peer);
    const found = this.#waiting.find(id);
    if (found !== undefined && isSaid(found.item)) {
      const { item, lane } = found;
      this.#sending.here(lane.peer);
      if (lane.mode !== 2) this.#sending.end(lane, item, { state: "delivered" });
    }
    this.#sending.run();
  }

  /** The broker's ERROR about what was said under this id (Agent Network §6). */
  refused(
    id: string,
    errorCode: string,
    details: Readonly<Record<string, unknown>>,
    recoverable: boolean,
    retryAfterMs: number | undefined,
  ): void {
    if (this.#phase !== "open") return;
    const offering = this.#sending.offering(id);
    const found = this.#waiting.find(id);
    const peer = offering?.peer ?? found?.lane.peer ?? "";
    const verdict = judge({ errorCode, details, recoverable, retryAfterMs }, peer);
    // Whatever was one too many: it may be an answer, or a question to the broker.
    if (verdict.is === "slower") this.#pace.slow(verdict.ms);
    if (offering !== undefined) this.#sending.offerRefused(offering, verdict);
    else if (found !== undefined && isSaid(found.item)) this.#sending.itemRefused(found.lane, found.item, verdict);
    this.#sending.run();
  }

  /** The broker's PRESENCE: whoever was absent has come. */
  present(peer: string): void {
    if (this.#phase !== "open") return;
    if (!this.#sending.isAbsent(peer)) return;
    this.#sending.here(peer);
    this.#sending.run();
  }

  /** An answer to a handshake, or what makes a receipt when its turn comes: goes ahead of messages. */
  answer(frame: AheadFrame): void {
    if (this.#phase === "closed") return;
    this.#sending.ahead.push(frame);
    this.#sending.run();
  }

  /** Stops; what waits stays on disk. */
  close(): void {
    this.#phase = "closed";
    this.#sending.lineDown();
    this.#expiry.close();
  }

  /** Resolves when all that is delivered or given up is off the disk, and told. */
  settled(): Promise<void> {
    return this.#settled.idle();
  }

  #kept(item: Item): void {
    const { messageId, recipientId, conversationId, expiresAt } = item.kept;
    item.told = "kept";
    this.#ports.tell({ messageId, recipientId, conversationId, state: "kept" });
    if (this.#phase === "open") this.#expiry.watch(expiresAt);
  }
}

/** True for what the broker may speak of: it has been said. */
function isSaid({ phase }: Item): boolean {
  return phase === "line" || phase === "again";
}
