import { Fault, faultCodes, type Envelope, type FaultCode } from "../../../src/core/index.js";

interface Waiting {
  readonly answer: (envelope: Envelope) => void;
  readonly fail: (fault: Fault) => void;
}

/** How long to wait for an answer, and what ends the wait early. */
export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Node's timers reach no further: 24 days. */
const timerMaxMs = 2 ** 31 - 1;

/** Requests of one agent that wait for their response, by message id. */
export class PendingRequests {
  // bound: pendingMax of the agent's options · evicts: one more request is refused as full · owner: PendingRequests
  readonly #waiting = new Map<string, Waiting>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Waits for the answer to `id`.
   * @throws Fault timeout, full, and what the broker says about the request
   */
  wait(id: string, to: string, { timeoutMs, signal }: WaitOptions): Promise<Envelope> {
    if (!(timeoutMs > 0))
      return Promise.reject(new Fault("malformed", `timeoutMs is ${timeoutMs}; give milliseconds, more than 0`));
    if (this.#waiting.has(id))
      return Promise.reject(
        new Fault("conflict", `a request ${id} waits for its answer already; give each its own messageId`),
      );
    if (this.#waiting.size >= this.#max)
      return Promise.reject(new Fault("full", `${this.#max} requests wait for an answer already`));
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#waiting.delete(id);
      };
      const fail = (fault: Fault): void => {
        end();
        reject(fault);
      };
      const abort = (): void => {
        fail(new Fault("timeout", "the request was given up (signal)", { cause: signal?.reason }));
      };
      const timer = setTimeout(
        () => {
          fail(new Fault("timeout", `${to} did not answer within ${timeoutMs} ms`));
        },
        Math.min(timeoutMs, timerMaxMs),
      );
      this.#waiting.set(id, {
        answer: (envelope) => {
          end();
          resolve(envelope);
        },
        fail,
      });
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Takes a response or a fault notice that is about a waiting request. @returns false if nobody waits for it */
  take(envelope: Envelope): boolean {
    const waiting = envelope.in_reply_to === undefined ? undefined : this.#waiting.get(envelope.in_reply_to);
    if (waiting === undefined) return false;
    // A response that tells a fault is the answerer's failure.
    if (envelope.type === "response" && envelope.content.kind === "fault") waiting.fail(faultOf(envelope));
    else if (envelope.type === "response") waiting.answer(envelope);
    else if (isFaultNotice(envelope)) waiting.fail(faultOf(envelope));
    else return false;
    return true;
  }

  /** True while an answer to `id` is waited for. */
  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** Fails one request. */
  fail(id: string, fault: Fault): void {
    this.#waiting.get(id)?.fail(fault);
  }

  /** Fails everything that waits. */
  close(fault: Fault): void {
    for (const waiting of [...this.#waiting.values()]) waiting.fail(fault);
  }
}

/** True for an inform by which the broker tells a fault. */
export function isFaultNotice(envelope: Envelope): boolean {
  return envelope.type === "inform" && envelope.from === "$broker" && envelope.content.kind === "fault";
}

/** The fault that a notice tells. */
export function faultOf(envelope: Envelope): Fault {
  const { data, message } = envelope.content;
  const fields: Readonly<Record<string, unknown>> = typeof data === "object" && data !== null ? { ...data } : {};
  const code = faultCodes.find((known): known is FaultCode => known === fields["code"]) ?? "internal";
  const retryAfterMs = fields["retry_after_ms"];
  return new Fault(code, message, { detail: fields, ...(typeof retryAfterMs === "number" && { retryAfterMs }) });
}
