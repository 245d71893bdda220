import { Absent } from "./absent.js";
import { Ahead } from "./ahead.js";
import type { Item, Lane } from "./lane.js";
import { Offers } from "./offers.js";
import type { OutboxPorts } from "./outbox-ports.js";
import type { NetworkFrame } from "../frames.js";
import type { Pace } from "./pace.js";
import type { Verdict } from "./refusals.js";
import { triesMax, waitMs } from "./retry.js";
import { plainFrame, sealedFrame } from "./said.js";
import type { End, Settled } from "./settled.js";
import { Speaker, type Turn } from "./speaker.js";
import type { Waiting } from "./waiting.js";
import { absentWords, ended, expired, keyWords, noReceipt, wordsOf } from "./words.js";

/** Says what waits: when there is a line, a key and a recipient; and again until its end is known. */
export class Sending {
  readonly #ports: OutboxPorts;
  readonly #waiting: Waiting;
  readonly #settled: Settled;
  readonly #absent: Absent;
  readonly #offers: Offers;
  readonly #speaker: Speaker;
  readonly ahead = new Ahead();

  constructor(ports: OutboxPorts, pace: Pace, waiting: Waiting, settled: Settled) {
    this.#ports = ports;
    this.#waiting = waiting;
    this.#settled = settled;
    this.#offers = new Offers(ports);
    this.#absent = new Absent(ports.clock, (peer) => {
      this.wakeAll(peer);
      this.run();
    });
    this.#speaker = new Speaker(ports.clock, pace, this.ahead, ports, (lane) => this.#speak(lane));
  }

  /** Says what may be said now. */
  run(): void {
    this.#speaker.run();
  }

  /** Something has changed in this lane. */
  changed(lane: Lane): void {
    if (!this.#waiting.drop(lane)) {
      this.#speaker.wake(lane);
      return;
    }
    this.#speaker.drop(lane);
    lane.timer?.cancel();
    lane.timer = undefined;
    this.#noOffer(lane);
    if (!this.#waiting.has(lane.peer)) this.#absent.forget(lane.peer);
  }

  /** A message is off the disk. */
  left(item: Item): void {
    this.#waiting.leave(item);
    const { recipientId } = item.kept;
    if (!this.#waiting.has(recipientId)) this.#absent.forget(recipientId);
  }

  /** A new message waits in this lane. */
  added(lane: Lane, item: Item): void {
    if (this.#absent.presence(lane.peer) === "absent") this.#waits(item, absentWords(lane.peer));
    else if (lane.offer !== undefined) this.#waits(item, keyWords(lane.peer));
    this.changed(lane);
  }

  /** Something may go to this peer that could not before. */
  wakeAll(peer: string): void {
    for (const lane of this.#waiting.lanesOf(peer)) this.#speaker.wake(lane);
  }

  /** The broker knows nothing of the last connection: who is absent is asked once, what has no receipt is said again. */
  lineUp(): void {
    this.#absent.newLine();
    this.#speaker.lineUp();
    for (const lane of this.#waiting.lanes()) {
      this.#sayAgain(lane);
      this.#speaker.wake(lane);
    }
  }

  /** What a lost connection took along is no try. */
  lineDown(): void {
    this.#speaker.lineDown();
    this.ahead.lineDown();
    this.#absent.lineDown();
    for (const lane of this.#waiting.lanes()) {
      this.#sayAgain(lane);
      if (lane.unproved !== undefined) this.#renew(lane);
    }
  }

  /** A handshake is wanted: nothing is sealed with the old key until it is complete. */
  want(lane: Lane): void {
    lane.isRenewing = true;
    this.#speaker.wake(lane);
  }

  /** There is a new key: what has no receipt is sealed anew. */
  ready(lane: Lane): void {
    this.#hasKey(lane);
    lane.unseal();
    this.changed(lane);
  }

  /** The peer is here. */
  here(peer: string): void {
    if (this.#waiting.has(peer) && this.#absent.here(peer)) this.wakeAll(peer);
  }

  /** True if the broker has said that the peer is not here. */
  isAbsent(peer: string): boolean {
    return this.#absent.presence(peer) === "absent";
  }

  /** The lane whose offer of a handshake has this id. */
  offering(id: string): Lane | undefined {
    return this.#offers.find(id);
  }

  /** A message is delivered or given up. */
  end(lane: Lane, item: Item, end: End): void {
    // A counter that the receiver may never hear would make it wait for nothing: there is a new key instead.
    const isHole = lane.burns(item, end.state);
    lane.remove(item);
    this.#settled.add(item, end);
    if (this.#absent.asks(lane.peer, item.kept.messageId)) {
      this.#absent.notAsked(lane.peer);
      this.wakeAll(lane.peer);
    }
    if (isHole) this.#renew(lane);
    this.changed(lane);
  }

  /** The broker has refused an offer of a handshake. */
  offerRefused(lane: Lane, verdict: Verdict): void {
    const { offer } = lane;
    if (offer === undefined) return;
    switch (verdict.is) {
      case "slower":
        this.#noAnswer(lane.peer, offer.id);
        this.#offers.again(lane);
        break;
      case "absent":
        this.#gone(lane.peer);
        return;
      case "again":
        offer.dueAt = Math.max(offer.dueAt, this.#ports.clock.monotonic() + verdict.ms);
        this.#arm(lane, offer.dueAt);
        return;
      case "failed":
        // Without a key nothing of this lane can be said. What is said later offers anew.
        lane.offer = { ...offer, said: triesMax };
        this.#offers.again(lane);
        this.#failAll(lane, verdict);
        this.#giveUpWanted(lane);
        break;
    }
    this.changed(lane);
  }

  /** The broker has refused a message that was said. */
  itemRefused(lane: Lane, item: Item, verdict: Verdict): void {
    switch (verdict.is) {
      case "slower":
        this.#noAnswer(lane.peer, item.kept.messageId);
        lane.again(item);
        this.changed(lane);
        return;
      case "absent":
        this.#gone(lane.peer);
        return;
      case "again":
        item.dueAt = this.#ports.clock.monotonic() + Math.max(verdict.ms, waitMs(item.tries));
        this.#arm(lane, item.dueAt);
        return;
      case "failed":
        this.end(lane, item, ended(verdict));
        if (verdict.also !== "none") this.#failAll(lane, verdict);
    }
  }

  #speak(lane: Lane): Turn {
    if (lane.size === 0 && lane.wanted === "no") return "nothing";
    const presence = this.#absent.presence(lane.peer);
    if (presence === "absent" || presence === "asked") return "nothing";
    if (lane.isPlain) return this.#sayMessage(lane);
    const { conversations } = this.#ports;
    const { peer, conversationId } = lane;
    // An answer that this lane's key comes from goes before what is sealed with it.
    const answer = this.ahead.answerTo(peer, conversationId);
    if (answer !== undefined) return this.#ports.write(answer) ? "said" : "no line";
    if (lane.isRenewing || conversations.state(peer, conversationId) !== "ready") return this.#sayOffer(lane);
    lane.mode = conversations.mode(peer) ?? 2;
    return this.#sayMessage(lane);
  }

  #sayMessage(lane: Lane): Turn {
    const item = lane.next();
    if (item === undefined) return "nothing";
    if (item.kept.expiresAt <= this.#ports.now()) {
      this.end(lane, item, expired(item));
      return "skipped";
    }
    const frame = lane.isPlain ? plainFrame(this.#ports, item.kept) : this.#sealed(lane, item);
    if (frame === undefined) return "skipped";
    const { messageId } = item.kept;
    lane.onLine(item, this.#ports.clock.monotonic() + waitMs(item.tries));
    if (!this.#ports.write(frame)) {
      lane.again(item);
      return "no line";
    }
    // A broker in the same process may have answered already.
    if (!isOnLine(item)) return "said";
    this.#absent.said(lane.peer, messageId);
    this.#arm(lane, item.dueAt);
    this.#tell(item, "sent");
    return "said";
  }

  /** Its frame, the same as before if the key is the same; undefined if it cannot be sealed, or not now. */
  #sealed(lane: Lane, item: Item): NetworkFrame | undefined {
    if (item.frame !== undefined) return item.frame;
    try {
      item.frame = sealedFrame(this.#ports, item.kept);
      return item.frame;
    } catch (error) {
      if (this.#ports.conversations.state(lane.peer, lane.conversationId) !== "ready") return undefined;
      const message = `the message to ${lane.peer} cannot be sealed: ${wordsOf(error)}`;
      this.end(lane, item, { state: "failed", reason: "not-sealed", message });
      return undefined;
    }
  }

  #sayOffer(lane: Lane): Turn {
    if (!this.#offers.isDue(lane)) return "nothing";
    let frame: NetworkFrame | undefined;
    try {
      frame = this.#offers.make(lane);
    } catch (error) {
      // The peer is refused until the application accepts its new key.
      for (const item of lane) this.#waits(item, wordsOf(error));
      return "nothing";
    }
    if (frame === undefined) {
      this.#hasKey(lane);
      this.changed(lane);
      return this.#ports.conversations.state(lane.peer, lane.conversationId) === "ready" ? "skipped" : "nothing";
    }
    const dueAt = this.#offers.said(lane, frame);
    if (!this.#ports.write(frame)) {
      this.#offers.again(lane);
      return "no line";
    }
    if (lane.offer?.id !== frame.messageId) return "said"; // answered already, in the same process
    this.#absent.said(lane.peer, frame.messageId);
    this.#arm(lane, dueAt);
    for (const item of lane) this.#waits(item, keyWords(lane.peer));
    return "said";
  }

  /** Sees to it that the lane is looked at when something of it is due. */
  #arm(lane: Lane, at: number): void {
    if (lane.timer !== undefined && lane.timer.at <= at) return;
    lane.timer?.cancel();
    const { clock } = this.#ports;
    const cancel = clock.after(Math.max(0, at - clock.monotonic()), () => {
      lane.timer = undefined;
      this.#due(lane);
      this.#speaker.run();
    });
    lane.timer = { at, cancel };
  }

  #due(lane: Lane): void {
    const now = this.#ports.clock.monotonic();
    const over: Item[] = [];
    let nextAt = Infinity;
    for (const item of lane.said()) {
      if (item.phase !== "line") continue;
      if (item.dueAt > now) nextAt = Math.min(nextAt, item.dueAt);
      else if (!lane.isRenewing) {
        item.tries += 1;
        this.#noAnswer(lane.peer, item.kept.messageId);
        // Maybe the peer waits for a counter before it, and would for a minute.
        if (lane.unproved !== undefined) this.#renew(lane);
        else if (item.tries >= triesMax) over.push(item);
        else lane.again(item);
      }
    }
    const { offer } = lane;
    if (offer !== undefined && offer.dueAt > now) nextAt = Math.min(nextAt, offer.dueAt);
    else if (offer !== undefined) {
      this.#noAnswer(lane.peer, offer.id);
      if (offer.said >= triesMax) this.#giveUpWanted(lane);
    }
    if (nextAt < Infinity) this.#arm(lane, nextAt);
    for (const item of over) this.end(lane, item, noReceipt(item));
    this.changed(lane);
  }

  /** The frame that should have shown whether the peer is here has not: all goes, each with its own tries. */
  #noAnswer(peer: string, frameId: string): void {
    if (this.#absent.asks(peer, frameId)) this.here(peer);
  }

  #gone(peer: string): void {
    if (!this.#absent.gone(peer)) return;
    for (const lane of this.#waiting.lanesOf(peer)) {
      this.#sayAgain(lane);
      this.#speaker.drop(lane);
      for (const item of lane) this.#waits(item, absentWords(peer));
      this.#giveUpWanted(lane);
    }
  }

  /** A handshake that somebody asked for and that leads nowhere is not remembered: a stranger can have any name. */
  #giveUpWanted(lane: Lane): void {
    if (lane.size > 0 || lane.wanted !== "asked-for") return;
    this.#waiting.notWanted(lane);
    this.changed(lane);
  }

  /** All that is on the line of this lane is said again as soon as it can be. */
  #sayAgain(lane: Lane): void {
    for (const item of lane.said()) lane.again(item);
    this.#offers.again(lane);
    lane.timer?.cancel();
    lane.timer = undefined;
  }

  #renew(lane: Lane): void {
    lane.unproved = undefined;
    if (lane.isRenewing) return;
    this.#ports.conversations.renew(lane.peer, lane.conversationId);
    lane.isRenewing = true;
    // It is remembered until there is another key, also if nothing waits there.
    this.#waiting.want(lane, "counter-lost");
    this.#noOffer(lane);
  }

  #hasKey(lane: Lane): void {
    lane.isRenewing = false;
    this.#waiting.notWanted(lane);
    this.#noOffer(lane);
  }

  #noOffer(lane: Lane): void {
    if (lane.offer === undefined) return;
    if (this.#absent.asks(lane.peer, lane.offer.id)) this.#absent.notAsked(lane.peer);
    this.#offers.end(lane);
  }

  #failAll(lane: Lane, verdict: Verdict & { readonly is: "failed" }): void {
    const lanes = verdict.also === "none" ? [lane] : this.#waiting.lanesOf(lane.peer);
    for (const one of lanes) {
      if (one.isPlain && verdict.also === "sealed") continue;
      for (const item of [...one]) if (item.phase !== "keeping") this.end(one, item, ended(verdict));
    }
  }

  #waits(item: Item, message: string): void {
    if (item.phase !== "keeping" && item.told !== "waiting") this.#tell(item, "waiting", message);
  }

  #tell(item: Item, state: "waiting" | "sent", message?: string): void {
    if (item.told === state) return;
    item.told = state;
    const { messageId, recipientId, conversationId } = item.kept;
    this.#ports.tell({ messageId, recipientId, conversationId, state, ...(message !== undefined && { message }) });
  }
}

/** As it is now, whatever was known of it before. */
function isOnLine({ phase }: Item): boolean {
  return phase === "line";
}
