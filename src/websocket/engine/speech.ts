import {
  brokerTopic,
  Fault,
  isReliableTime,
  lostNotice,
  Message,
  noticeBody,
  telemetryTopic,
  topicKind,
  type Envelope,
  type FaultNotice,
  type MessageType,
  type Outcome,
  type Principal,
  type Subscriber,
  type TopicKind,
} from "../../core/index.js";
import type { TurnIntent } from "../../conversation/index.js";
import type { Draft } from "../../dialect/index.js";
import type { EngineContext } from "./context.js";

/** The session that speaks. */
export interface Speaker extends Subscriber {
  /**
   * The very principal of its presence; `hasHappened`: also of a session that has ended.
   * @throws Fault unauthenticated, going-away
   */
  speaker(hasHappened?: boolean): Principal;
  /** Tells its client, and nobody else. */
  tell(notice: FaultNotice): void;
}

type Mutable<O> = { -readonly [K in keyof O]: O[K] };

/** What one session says, from draft to routed message. Nothing here waits, so it stays in order. */
export class Speech {
  readonly #context: EngineContext;
  readonly #dialect: string;
  readonly #session: Speaker;
  #stampedAt = 0;
  #timestamp = "";
  /** The last addressee: nearly always the same again. */
  #addressee = "";
  #addresseeKind: TopicKind | undefined;

  constructor(context: EngineContext, dialect: string, session: Speaker) {
    this.#context = context;
    this.#dialect = dialect;
    this.#session = session;
  }

  /** Text whose type follows from the conversation (protocols §3.5). @throws as {@link Speech.submit} */
  say(draft: Draft & TurnIntent): Outcome {
    const { agent } = this.#session.speaker();
    const { to, intent } = draft;
    if (to !== this.#addressee) [this.#addressee, this.#addresseeKind] = [to, topicKind(to)];
    const kind = this.#addresseeKind;
    const inReplyTo = draft.inReplyTo ?? draft.replyTo;
    // Said in public it is nobody's to answer (protocols §3.5).
    if (kind === "room" || kind === "everyone") return this.submit(draft, "inform", inReplyTo);
    if (to === brokerTopic) return this.#sayToBroker(draft, agent, inReplyTo);
    if (kind !== "agent") return this.submit(draft, intent ?? "inform", inReplyTo);
    const turn = this.#context.conversations.turn(agent, to, draft, this.#session);
    if (turn.looping === true) this.#tellLoop(agent, to);
    return this.submit(draft, turn.type, turn.in_reply_to ?? draft.inReplyTo);
  }

  /** What is owed to the broker, a vote, is the answer; else the broker is asked. */
  #sayToBroker(draft: Draft & TurnIntent, agent: string, inReplyTo: string | undefined): Outcome {
    const owed = this.#context.conversations.answered(agent, brokerTopic);
    const { intent = inReplyTo === undefined && owed === undefined ? "request" : "response" } = draft;
    return this.submit(draft, intent, inReplyTo ?? (intent === "response" ? owed : undefined));
  }

  /**
   * Makes the message of a draft and routes it.
   * @throws Fault unauthenticated, going-away, forbidden, not-found, full
   */
  submit(draft: Draft, type: MessageType, inReplyTo: string | undefined): Outcome {
    const principal = this.#session.speaker(draft.hasHappened);
    const { to, raw } = draft;
    if (to.startsWith("$") && to !== brokerTopic && to !== telemetryTopic)
      throw new Fault("forbidden", `only the broker speaks at ${to}`);
    const context = this.#context;
    const now = context.clock.now();
    const envelope: Mutable<Envelope> = {
      message_id: draft.messageId ?? context.newId(),
      timestamp: draft.timestamp ?? this.#timestampAt(now),
      from: principal.agent,
      to,
      type,
      priority: draft.priority ?? "NORMAL",
      content: draft.content,
    };
    if (inReplyTo !== undefined) envelope.in_reply_to = inReplyTo;
    if (draft.conversationId !== undefined) envelope.conversation_id = draft.conversationId;
    if (draft.expiresAt !== undefined) envelope.expires_at = draft.expiresAt;
    if (draft.rare !== undefined) Object.assign(envelope, draft.rare);
    if (draft.originalPriority !== undefined) envelope.other = { original_priority: draft.originalPriority };
    if (principal.displayName !== principal.agent) envelope.from_name = principal.displayName;
    envelope.trust = principal.trust;
    if (draft.timestamp !== undefined && !isReliableTime(draft.timestamp, now))
      envelope.received_at = this.#timestampAt(now);
    const arrival = { topic: to, receivedAt: now, trust: principal.trust, origin: this.#session, speaker: principal };
    const message = Message.of(envelope, arrival);
    if (raw !== undefined) message.raw = { dialect: this.#dialect, frame: raw };
    if (draft.hidden === true) message.hidden = true;
    if (draft.sealed === true) message.sealed = true;
    if (draft.acknowledged === true) message.acknowledged = true;
    if (draft.discreet === true) message.discreet = true;
    context.ledger.messages.accepted += 1;
    const outcome = context.exchange.submit(message);
    if (outcome.lost !== undefined) this.#session.tell(lostNotice(outcome.lost, envelope));
    return outcome;
  }

  /** ISO time, made once per millisecond: 0.3 µs per message otherwise. */
  #timestampAt(now: number): string {
    if (now !== this.#stampedAt) {
      this.#stampedAt = now;
      this.#timestamp = new Date(now).toISOString();
    }
    return this.#timestamp;
  }

  /** Both are told once that the loop guard has tripped (protocols §3). */
  #tellLoop(one: string, other: string): void {
    const { exchange, ledger, limits } = this.#context;
    ledger.count("loop-guard");
    const message =
      `${one} and ${other} have answered each other ${limits.loopTurnsMax} times without a pause; for ` +
      `${Math.round(limits.loopGuardMs / 1000)} s what they say goes as informs, which want no answer`;
    exchange.announce(one, noticeBody({ code: "loop", message, data: { peer: other } }));
    exchange.announce(other, noticeBody({ code: "loop", message, data: { peer: one } }));
  }
}
