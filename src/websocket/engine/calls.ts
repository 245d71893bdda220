import { Fault, faultCodes, noticeCode, type Envelope, type FaultCode } from "../../core/index.js";
import type { Requests } from "../../conversation/index.js";
import type { CallOptions, Draft, TypedDraft } from "../../dialect/index.js";

/** A call under way. */
interface OpenCall {
  readonly to: string;
  readonly settle: (answer: Envelope | Fault) => void;
}

/** What {@link Calls} needs of its session. */
export interface CallsOptions {
  readonly requests: Requests;
  readonly max: number;
  readonly newId: () => string;
  /** @throws Fault unauthenticated */
  readonly from: () => string;
  readonly publish: (draft: TypedDraft) => unknown;
}

/** Requests of one session whose answers come back as values instead of being told to its client. */
export class Calls {
  // bound: sessionCallsMax · evicts: a further call is refused as full; one goes with its answer, its time or its
  // session · owner: Calls
  readonly #open = new Map<string, OpenCall>();
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** @throws Fault (as a rejection) full, timeout, not-found, going-away */
  async call(draft: Draft, options: CallOptions = {}): Promise<Envelope> {
    const { requests, max, newId, from, publish } = this.#options;
    if (this.#open.size >= max) throw new Fault("full", `this session waits for ${String(max)} answers already`);
    if (options.signal?.aborted === true) throw new Fault("timeout", "the call was given up before it began");
    const messageId = draft.messageId ?? newId();
    const speaker = from();
    return new Promise((resolve, reject) => {
      const timedOut = (): void => {
        settle(new Fault("timeout", `${draft.to} has not answered in time`));
      };
      const withdraw = requests.open({
        from: speaker,
        to: draft.to,
        messageId,
        ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
        timedOut,
      });
      const settle = (answer: Envelope | Fault): void => {
        if (!this.#open.delete(messageId)) return;
        withdraw();
        options.signal?.removeEventListener("abort", timedOut);
        if (answer instanceof Fault) reject(answer);
        else resolve(answer);
      };
      this.#open.set(messageId, { to: draft.to, settle });
      options.signal?.addEventListener("abort", timedOut);
      try {
        publish({ ...draft, messageId, type: "request" });
      } catch (thrown) {
        settle(
          thrown instanceof Fault ? thrown : new Fault("internal", "the call could not be made", { cause: thrown }),
        );
      }
    });
  }

  /** Takes an envelope that settles a call. @returns false if it is for the session's client */
  take(envelope: Envelope): boolean {
    if (this.#open.size === 0 || envelope.in_reply_to === undefined) return false;
    const call = this.#open.get(envelope.in_reply_to);
    if (call === undefined) return false;
    if (envelope.type === "response" && envelope.from === call.to) call.settle(envelope);
    else {
      const code = noticeCode(envelope);
      if (code === undefined) return false;
      call.settle(new Fault(isFaultCode(code) ? code : "unavailable", envelope.content.message));
    }
    return true;
  }

  /** The session is over. */
  end(): void {
    for (const { settle } of [...this.#open.values()]) settle(new Fault("going-away", "the session has ended"));
  }
}

function isFaultCode(code: string): code is FaultCode {
  return (faultCodes as readonly string[]).includes(code);
}
