import {
  Fault,
  faultCodes,
  isIssued,
  noticeCode,
  patienceMs,
  topicKind,
  type Clock,
  type Envelope,
  type FaultCode,
  type FaultNotice,
  type Outcome,
  type Principal,
} from "../../core/index.js";
import type { CallOptions, Draft, TypedDraft } from "../../dialect/index.js";
import type { EngineContext } from "./context.js";

/** A call under way. */
interface OpenCall {
  readonly to: string;
  readonly settle: (answer: Envelope | Fault) => void;
}

/** A session that asks. */
export interface Asker {
  /** Who it is. @throws Fault unauthenticated, going-away */
  speaker(): Principal;
  /** @throws Fault not-found, forbidden */
  publish(draft: TypedDraft): Outcome;
  /** Tells the session's client, and nobody else. */
  notice(notice: FaultNotice): void;
}

/**
 * The requests of one session that wait for an answer: those whose answer its client hears, and calls, whose answer
 * comes back to the dialect as a value.
 */
export class Asking {
  // bound: requestsPerSenderMax, ids of 256 characters · evicts: a request goes when it is answered, timed out, or its
  // session ends · owner: Asking
  readonly #requests = new Map<() => void, string>();
  // bound: sessionCallsMax · evicts: a further call is refused as full; one goes with its answer, its time or its
  // session · owner: Asking
  readonly #calls = new Map<string, OpenCall>();
  readonly #context: Pick<EngineContext, "requests" | "limits" | "newId" | "clock">;
  readonly #connectionId: string;
  readonly #asker: Asker;

  constructor(
    context: Pick<EngineContext, "requests" | "limits" | "newId" | "clock">,
    connectionId: string,
    asker: Asker,
  ) {
    this.#context = context;
    this.#connectionId = connectionId;
    this.#asker = asker;
  }

  /** A tracked request. @throws Fault not-found, forbidden, full */
  request(draft: Draft, { timeoutMs: wanted, signal }: CallOptions): Outcome {
    const { requests, newId, clock } = this.#context;
    const { agent: from } = this.#asker.speaker();
    const { to } = draft;
    const kind = topicKind(to);
    // Said in public it is nobody's to answer.
    if (kind === "room" || kind === "everyone") return this.#asker.publish({ ...draft, type: "request" });
    const messageId = draft.messageId ?? newId();
    const timeoutMs = wanted ?? patienceOf(draft, clock);
    const close = requests.open({
      from,
      to,
      messageId,
      ...this.#owned(),
      ...(timeoutMs !== undefined && { timeoutMs }),
      answered: () => {
        this.#requests.delete(close);
      },
      timedOut: ({ message, data }) => {
        this.#requests.delete(close);
        this.#asker.notice({ code: "timeout", message, inReplyTo: messageId, data: { to, ...data } });
      },
    });
    const withdraw = (): void => {
      close();
      this.#requests.delete(close);
    };
    this.#requests.set(close, messageId);
    signal?.addEventListener("abort", withdraw, { once: true });
    try {
      return this.#asker.publish({ ...draft, messageId, type: "request" });
    } catch (thrown) {
      withdraw();
      throw thrown;
    }
  }

  /**
   * A request whose answer comes back as a value.
   * @throws Fault (as a rejection) full, timeout, not-found, conflict (the same `messageId` twice), going-away
   */
  async call(draft: Draft, { timeoutMs: wanted, signal }: CallOptions): Promise<Envelope> {
    const { requests, limits, newId, clock } = this.#context;
    const timeoutMs = wanted ?? patienceOf(draft, clock);
    if (this.#calls.size >= limits.sessionCallsMax)
      throw new Fault(
        "full",
        `this session waits for ${String(limits.sessionCallsMax)} answers already; wait for some of them`,
      );
    if (signal?.aborted === true) throw new Fault("timeout", "the call was given up before it began");
    const messageId = draft.messageId ?? newId();
    if (this.#calls.has(messageId))
      throw new Fault("conflict", `a call ${messageId} waits for its answer already; give each call its own messageId`);
    const { agent: from } = this.#asker.speaker();
    const { to } = draft;
    return new Promise((resolve, reject) => {
      const timedOut = (): void => {
        settle(new Fault("timeout", `${to} has not answered in time`));
      };
      const withdraw = requests.open({
        from,
        to,
        messageId,
        ...this.#owned(),
        ...(timeoutMs !== undefined && { timeoutMs }),
        timedOut: ({ message, data }) => {
          settle(new Fault("timeout", message, data === undefined ? {} : { detail: data }));
        },
      });
      const settle = (answer: Envelope | Fault): void => {
        if (!this.#calls.delete(messageId)) return;
        withdraw();
        signal?.removeEventListener("abort", timedOut);
        if (answer instanceof Fault) reject(answer);
        else resolve(answer);
      };
      this.#calls.set(messageId, { to, settle });
      signal?.addEventListener("abort", timedOut);
      try {
        this.#asker.publish({ ...draft, messageId, type: "request" });
      } catch (thrown) {
        settle(
          thrown instanceof Fault ? thrown : new Fault("internal", "the call could not be made", { cause: thrown }),
        );
      }
    });
  }

  /** Where its name costs nothing, its requests count against the limit of its connection. */
  #owned(): { readonly owner?: string } {
    return isIssued(this.#asker.speaker()) ? {} : { owner: this.#connectionId };
  }

  /** True while a call of this id is under way. */
  isCalling(messageId: string): boolean {
    return this.#calls.has(messageId);
  }

  /** Takes an envelope that answers a call. @returns false if it is for the session's client */
  takes(envelope: Envelope): boolean {
    if (this.#calls.size === 0 || envelope.in_reply_to === undefined) return false;
    const call = this.#calls.get(envelope.in_reply_to);
    if (call === undefined) return false;
    if (envelope.type === "response" && envelope.from === call.to) call.settle(envelope);
    else {
      const code = noticeCode(envelope);
      if (code === undefined) return false;
      call.settle(new Fault(isFaultCode(code) ? code : "unavailable", envelope.content.message));
    }
    return true;
  }

  /** The session has another name: answers would go to the old one. Its client and its dialect are told. */
  renamed(): void {
    const message = "the answer would go to the name that this session has given up; ask again";
    for (const [close, messageId] of [...this.#requests]) {
      close();
      this.#requests.delete(close);
      this.#asker.notice({ code: "unavailable", message, inReplyTo: messageId });
    }
    for (const { settle } of [...this.#calls.values()]) settle(new Fault("unavailable", message));
  }

  /** The session is over: nobody waits any more. */
  end(): void {
    for (const close of this.#requests.keys()) close();
    this.#requests.clear();
    for (const { settle } of [...this.#calls.values()]) settle(new Fault("going-away", "the session has ended"));
  }
}

/** How long an asker waits that says so in what it asks. */
function patienceOf({ rare, expiresAt }: Draft, clock: Clock): number | undefined {
  return patienceMs({ ...rare, ...(expiresAt !== undefined && { expires_at: expiresAt }) }, clock.now());
}

function isFaultCode(code: string): code is FaultCode {
  return (faultCodes as readonly string[]).includes(code);
}
