import {
  brokerTopic,
  Fault,
  Message,
  noticeBody,
  telemetryTopic,
  topicKind,
  type TopicKind,
  type Envelope,
  type FaultNotice,
  type MessageType,
  type Outcome,
  type Principal,
} from "../../core/index.js";
import type { TurnIntent } from "../../conversation/index.js";
import type { CallOptions, Draft, TypedDraft } from "../../dialect/index.js";
import type { BridgeContext } from "./context.js";

/** What {@link Speech} needs of its session. */
export interface SpeechOptions {
  readonly context: BridgeContext;
  /** The dialect's name. */
  readonly dialect: string;
  /** The session: what messages are said to come from. */
  readonly origin: object;
  /**
   * The very principal of its presence; `hasHappened`: also of a session that has ended.
   * @throws Fault unauthenticated, going-away
   */
  readonly speaker: (hasHappened?: boolean) => Principal;
  /** Tells the session, and nobody else, about a message of its own. */
  readonly notice: (notice: FaultNotice) => void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a session says: from draft to routed message. Nothing here waits, so what one session says stays in order. */
export class Speech {
  // bound: requestsPerSenderMax · evicts: a request goes when it is answered, timed out, or the session ends · owner:
  // Speech
  #requests: Set<() => void> | undefined; // none for sessions that never ask
  readonly #options: SpeechOptions;
  #stampedAt = 0;
  #timestamp = "";
  /** Whom this session spoke to last: nearly always the same again. */
  #addressee = "";
  #addresseeKind: TopicKind | undefined;

  constructor(options: SpeechOptions) {
    this.#options = options;
  }

  say(draft: Draft & TurnIntent): Outcome {
    const { conversations } = this.#options.context;
    const { agent } = this.#options.speaker();
    const { to, intent } = draft;
    if (to !== this.#addressee) [this.#addressee, this.#addresseeKind] = [to, topicKind(to)];
    const kind = this.#addresseeKind;
    // Said in public it is nobody's to answer (protocols §3.7).
    if (kind === "room" || kind === "everyone") return this.#send(draft, "inform", draft.inReplyTo ?? draft.replyTo);
    if (kind !== "agent")
      return this.#send(draft, intent ?? (to === brokerTopic ? "request" : "inform"), draft.inReplyTo ?? draft.replyTo);
    const turn = conversations.turn(agent, to, draft);
    if (turn.looping === true) this.#tellLoop(agent, to);
    return this.#send(draft, turn.type, turn.in_reply_to ?? draft.inReplyTo);
  }

  publish(draft: TypedDraft): Outcome {
    return this.#send(draft, draft.type, draft.inReplyTo);
  }

  request(draft: Draft, options: CallOptions = {}): Outcome {
    const { requests, newId, clock } = this.#options.context;
    const { agent } = this.#options.speaker();
    const kind = topicKind(draft.to);
    if (kind === "room" || kind === "everyone") return this.#send(draft, "request", draft.inReplyTo);
    const messageId = draft.messageId ?? newId();
    const untilMs = draft.expiresAt === undefined ? NaN : Date.parse(draft.expiresAt) - clock.now();
    const timeoutMs = options.timeoutMs ?? (Number.isNaN(untilMs) ? undefined : Math.max(untilMs, 0));
    const close = requests.open({
      from: agent,
      to: draft.to,
      messageId,
      ...(timeoutMs !== undefined && { timeoutMs }),
      answered: () => {
        this.#requests?.delete(close);
      },
      timedOut: () => {
        this.#requests?.delete(close);
        this.#options.notice({
          code: "timeout",
          message: `${draft.to} has not answered in time`,
          inReplyTo: messageId,
          data: { to: draft.to },
        });
      },
    });
    const withdraw = (): void => {
      close();
      this.#requests?.delete(close);
    };
    (this.#requests ??= new Set()).add(close);
    options.signal?.addEventListener("abort", withdraw, { once: true });
    try {
      return this.#send({ ...draft, messageId }, "request", draft.inReplyTo);
    } catch (thrown) {
      withdraw();
      throw thrown;
    }
  }

  respond(request: Envelope, draft: Draft): Outcome {
    const conversationId = draft.conversationId ?? request.conversation_id;
    return this.#send(
      conversationId === undefined ? draft : { ...draft, conversationId },
      "response",
      request.message_id,
    );
  }

  /** The session is over: nobody waits for its answers any more. */
  end(): void {
    for (const close of this.#requests ?? []) close();
    this.#requests = undefined;
  }

  #send(draft: Draft, type: MessageType, inReplyTo: string | undefined): Outcome {
    const { context, dialect, origin, speaker } = this.#options;
    const principal = speaker(draft.hasHappened);
    const { to, raw, priority } = draft;
    if (to.startsWith("$") && to !== brokerTopic && to !== telemetryTopic)
      throw new Fault("forbidden", `only the broker speaks at ${to}`);
    const now = context.clock.now();
    const envelope: Mutable<Envelope> = {
      message_id: draft.messageId ?? context.newId(),
      timestamp: draft.timestamp ?? this.#timestampAt(now),
      from: principal.agent,
      to,
      type,
      priority: priority ?? "NORMAL",
      content: draft.content,
    };
    if (inReplyTo !== undefined) envelope.in_reply_to = inReplyTo;
    if (draft.conversationId !== undefined) envelope.conversation_id = draft.conversationId;
    if (draft.expiresAt !== undefined) envelope.expires_at = draft.expiresAt;
    if (principal.displayName !== principal.agent) envelope.from_name = principal.displayName;
    envelope.trust = principal.trust;
    const message = Message.of(envelope, {
      topic: to,
      receivedAt: now,
      trust: principal.trust,
      origin,
      speaker: principal,
    });
    if (raw !== undefined) message.raw = { dialect, frame: raw };
    if (draft.hidden === true) message.hidden = true;
    context.ledger.messages.accepted += 1;
    return context.exchange.submit(message);
  }

  /** ISO time, made once per millisecond: 0.3 µs per message otherwise. */
  #timestampAt(now: number): string {
    if (now !== this.#stampedAt) {
      this.#stampedAt = now;
      this.#timestamp = new Date(now).toISOString();
    }
    return this.#timestamp;
  }

  /** Both are told once that the loop guard has tripped (protocols §3.8). */
  #tellLoop(one: string, other: string): void {
    const { exchange, ledger, limits } = this.#options.context;
    ledger.count("loop-guard");
    const message = `${one} and ${other} have answered each other ${limits.loopTurnsMax} times without a pause; for ${Math.round(limits.loopGuardMs / 1000)} s what they say goes as informs, which want no answer`;
    for (const [to, peer] of [
      [one, other],
      [other, one],
    ] as const)
      exchange.announce(to, noticeBody({ code: "loop", message, data: { peer } }));
  }
}
