import type { LostCopies } from "./arrival.js";
import type { Clock } from "./clock.js";
import { isExpired, isUnreferenced, type Envelope } from "./envelope.js";
import { lostNotice, noticeBody } from "./fault-notice.js";
import { asFault, Fault } from "./fault.js";
import type { Ledger } from "./ledger.js";
import { Message } from "./message.js";
import type { Heard, Outcome, Router } from "./router.js";
import { shownTopic } from "./topic-bytes.js";
import { brokerTopic, topicKind } from "./topic.js";

/** Called with every message that the exchange has routed: open requests and conversations follow them. */
export type Follower = (envelope: Envelope, message: Message) => void;

/** Finds the request that a response answers which does not say it; undefined if there is none (protocols §3.2). */
export type AnsweredFinder = (response: Envelope) => string | undefined;

/** Why what one agent says may not reach another; undefined if it may. */
export type Screen = (from: string, to: string) => Fault | undefined;

/**
 * The only entrance for messages that are parsed: a message is checked, counted once and routed, or refused with a
 * Fault. Messages that ZeroMQ agents send each other as bytes bypass it and go straight to the router.
 */
export class Exchange {
  readonly router: Router;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly #followers: Follower[] = [];
  readonly #asideFollowers: Follower[] = [];
  #unheard: Follower = () => undefined;
  #findAnswered: AnsweredFinder = () => undefined;
  #screen: Screen | undefined;
  readonly #newId: () => string;

  constructor(router: Router, ledger: Ledger, clock: Clock, newId: () => string) {
    this.router = router;
    this.ledger = ledger;
    this.clock = clock;
    this.#newId = newId;
  }

  /** Calls `follower` with every routed message, after its receivers. The returned function ends it. */
  follow(follower: Follower): () => void {
    return added(this.#followers, follower);
  }

  /**
   * Calls `follower` with what nobody else follows: sealed messages, which have got through, and requests of the
   * broker's own. The returned function ends it.
   */
  followAside(follower: Follower): () => void {
    return added(this.#asideFollowers, follower);
  }

  /** Calls `unheard` with every response that has reached nobody: who asked is gone, and what was asked is answered. */
  followUnheard(unheard: Follower): void {
    this.#unheard = unheard;
  }

  /** Asks `find` what a response answers that does not say it, and writes that into the message (protocols §3.2). */
  complete(find: AnsweredFinder): void {
    this.#findAnswered = find;
  }

  /** Asks `screen` about each message to an agent, before anybody learns whether that is here. */
  screen(screen: Screen): void {
    this.#screen = screen;
  }

  /**
   * Routes a message that has been counted as accepted, and counts what became of it.
   * @throws Fault malformed, timeout (expired before it was routed), not-found, forbidden (the screen), what the topic's guard says, or why the
   * agent that it is for will never have it (too-large, unsupported, …; protocols §3.16)
   */
  submit(message: Message): Outcome {
    const { messages } = this.ledger;
    let { envelope } = message;
    if (envelope === undefined) {
      this.ledger.malformed("payload-unreadable");
      throw new Fault("malformed", message.problem ?? "the payload is no envelope");
    }
    if (isExpired(envelope, this.clock.now())) {
      this.ledger.refuse("expired");
      throw new Fault("timeout", "the message had expired when it arrived (expires_at)");
    }
    if (this.#screen !== undefined) this.#mustPass(this.#screen, envelope, message.topic);
    const refusal = this.router.route(message.topic)?.guard?.(message);
    if (refusal !== undefined) {
      this.ledger.refuse(`guard-${refusal.code}`);
      throw refusal;
    }
    if (isUnreferenced(envelope)) {
      const answered = this.#findAnswered(envelope);
      if (answered !== undefined) envelope = message.answer(answered);
    }
    // Counted first, and taken back if there was no receiver, so that a receiver that reads the ledger sees true sums.
    messages.routed += 1;
    if (message.topic === brokerTopic) this.ledger.ofBroker += 1;
    const outcome = this.#publish(message);
    if (outcome.stored) return this.#stored(message, envelope, outcome);
    if (outcome.receivers === 0 && !this.#exists(message.topic)) {
      messages.routed -= 1;
      messages.unroutable += 1;
      this.ledger.count("nobody-there");
      if (envelope.type === "response") this.#unheard(envelope, message);
      throw new Fault("not-found", notThere(message.topic));
    }
    if (message.sealed) return this.#sealed(message, envelope, outcome);
    if (message.lost !== undefined) return this.#lost(message, message.lost, envelope, outcome);
    for (const follower of this.#followers) follower(envelope, message);
    return outcome;
  }

  /** @throws Fault what the screen says */
  #mustPass(screen: Screen, { from }: Envelope, topic: string): void {
    const refusal = topicKind(topic) === "agent" ? screen(from, topic) : undefined;
    if (refusal === undefined) return;
    this.ledger.refuse("not-approved");
    throw refusal;
  }

  /** What it says is followed by nobody. Its sender is told that it got through, so it is told if it did not, whyever. */
  #sealed(message: Message, envelope: Envelope, outcome: Outcome): Outcome {
    const { lost } = message;
    this.ledger.count("sealed");
    if (lost !== undefined) {
      this.ledger.count(`lost-${lost.code}`, lost.count);
      throw new Fault(lost.code, lost.why);
    }
    for (const follower of this.#asideFollowers) follower(envelope, message);
    return outcome;
  }

  /** @throws Fault full, unavailable: a mailbox or log could not take it, and it is counted as refused */
  #publish(message: Message): Outcome {
    try {
      return this.router.publish(message);
    } catch (thrown) {
      this.ledger.messages.routed -= 1;
      const { code } = asFault(thrown);
      this.ledger.refuse(topicKind(message.topic) === "room" ? `room-log-${code}` : `mailbox-${code}`);
      throw thrown;
    }
  }

  /**
   * Gives a message that a log has held to those who hear its topic now. It is counted as stored already; its sender is
   * told if some of them will never have it.
   */
  release(message: Message, heard: Heard): void {
    this.router.release(message, heard);
    const { envelope, lost } = message;
    if (lost === undefined || envelope === undefined) return;
    this.ledger.count(`lost-${lost.code}`, lost.count);
    if (lost.code !== "full" && mayBeTold(envelope))
      this.announce(envelope.from, noticeBody(lostNotice(lost, envelope)));
  }

  /** Messages to rooms that were counted as stored could not be kept after all: they are refused. */
  unstore(count: number, { code }: Fault): void {
    const { messages } = this.ledger;
    messages.stored -= count;
    messages.refused += count;
    this.ledger.count(`room-log-${code}`, count);
  }

  /** A mailbox has it. What it had before is counted as refused: nobody gets it twice. */
  #stored(message: Message, envelope: Envelope | undefined, outcome: Outcome): Outcome {
    const { messages } = this.ledger;
    messages.routed -= 1;
    if (outcome.repeated === true) {
      this.ledger.refuse("mailbox-repeated");
      return outcome;
    }
    messages.stored += 1;
    if (envelope !== undefined) for (const follower of this.#followers) follower(envelope, message);
    return outcome;
  }

  /**
   * Copies were dropped. If an agent has got none, the message reached nobody: it opens and answers nothing, and its
   * sender is told. That a receiver is behind is told to those who wait for its answer or an acknowledgement, not for
   * each inform.
   */
  #lost(message: Message, lost: LostCopies, envelope: Envelope, outcome: Outcome): Outcome {
    const { ledger } = this;
    ledger.count(`lost-${lost.code}`, lost.count);
    const isForOne = topicKind(message.topic) === "agent";
    const isAwaited = message.acknowledged || envelope.type === "request";
    const isTold = lost.code !== "full" || (isForOne && isAwaited);
    if (isForOne && isTold && lost.count >= outcome.receivers) throw new Fault(lost.code, lost.why);
    for (const follower of this.#followers) follower(envelope, message);
    return isTold && !isForOne ? { ...outcome, lost } : outcome;
  }

  /** Routes a message from `$broker` itself. If nobody receives it, it is counted as unroutable, never refused. */
  announce(topic: string, body: Pick<Envelope, "type" | "content"> & Partial<Envelope>, hidden = false): Outcome {
    const { now, ...head } = this.#head();
    const envelope: Envelope = { ...head, ...body, to: body.to ?? topic, trust: body.trust ?? "proved" };
    const message = Message.of(envelope, { topic, receivedAt: now, trust: "proved", origin: undefined });
    const outcome = this.#announced(message, hidden);
    if (envelope.type === "request" && (outcome.receivers > 0 || outcome.stored))
      for (const follower of this.#asideFollowers) follower(envelope, message);
    return outcome;
  }

  /**
   * The same for a response whose content is written as JSON already: a long list is not written anew for each asker.
   */
  announceWritten(topic: string, inReplyTo: string, content: Buffer): Outcome {
    const { now, ...head } = this.#head();
    const rest = JSON.stringify({ ...head, type: "response", in_reply_to: inReplyTo, to: topic, trust: "proved" });
    const payload = Buffer.concat([Buffer.from(`${rest.slice(0, -1)},"content":`), content, Buffer.from("}")]);
    return this.#announced(
      Message.ofWritten(payload, { topic, receivedAt: now, trust: "proved", origin: undefined }),
      false,
    );
  }

  /** The same for a room's past message, which is written already and keeps who said it, and when. */
  announceAgain(topic: string, past: Message): Outcome {
    return this.#announced(past.readdressed(topic), false);
  }

  #head(): Pick<Envelope, "message_id" | "timestamp" | "from" | "priority"> & { readonly now: number } {
    const now = this.clock.now();
    const timestamp = new Date(now).toISOString();
    return { now, message_id: this.#newId(), timestamp, from: brokerTopic, priority: "NORMAL" };
  }

  #announced(message: Message, hidden: boolean): Outcome {
    message.hidden = hidden;
    const { messages } = this.ledger;
    messages.accepted += 1;
    messages.routed += 1;
    this.ledger.ofBroker += 1;
    let outcome: Outcome;
    try {
      outcome = this.#publish(message);
    } catch {
      // A full mailbox, counted: what the broker says of itself is said to nobody else.
      return { receivers: 0, stored: false };
    }
    if (outcome.stored) return this.#stored(message, undefined, outcome);
    if (outcome.receivers === 0 && !this.#exists(message.topic)) {
      messages.routed -= 1;
      messages.unroutable += 1;
    }
    return outcome;
  }

  /**
   * True for topics that exist even without a subscriber: a room of the directory, `all`, `$broker`, `$events`,
   * `$telemetry`.
   */
  #exists(topic: string): boolean {
    const kind = topicKind(topic);
    if (kind === "everyone" || kind === "broker") return true;
    return kind === "room" && this.router.route(topic) !== undefined;
  }
}

function added(followers: Follower[], follower: Follower): () => void {
  followers.push(follower);
  return () => {
    const at = followers.indexOf(follower);
    if (at !== -1) followers.splice(at, 1);
  };
}

/** Nobody is ever told anything about a response or a fault. */
export function mayBeTold({ content, type }: Envelope): boolean {
  return type !== "response" && content.kind !== "fault";
}

/** The text for a sender if nobody is at `topic`, or if the sender may not know that somebody is. */
export function notThere(topic: string): string {
  if (topic.startsWith("#")) return `there is no room ${topic}; joining it makes it`;
  const here = `no agent ${shownTopic(topic)} is here`;
  // Two spellings that look the same: nobody could see what is wrong.
  if (topic.normalize("NFC") !== topic)
    return `${here}: the name is written in another Unicode form than NFC, in which all names are; normalize it`;
  return `${here}; the list of agents tells who is`;
}
