import { asFault, Fault, type Envelope, type FaultCode } from "../../../src/core/index.js";
import { listIn, type MailState } from "./mail-answers.js";

/** What is to become of a message that was taken. */
export type Verdict =
  | { readonly kind: "done" }
  | { readonly kind: "extend"; readonly leaseMs: number }
  | { readonly kind: "release"; readonly delayMs: number }
  | { readonly kind: "refuse"; readonly reason?: string | undefined };

/** Asks the broker; ends early, as `timeout`, when `signal` says so. */
export type AskBroker = (
  kind: string,
  data: Readonly<Record<string, unknown>>,
  options?: { readonly messageId?: string; readonly timeoutMs?: number; readonly signal?: AbortSignal },
) => Promise<Envelope>;

/** What a broker says that may be over soon: the same is asked again. */
const passing: readonly FaultCode[] = ["timeout", "unavailable", "full", "rate-limited", "slow-consumer", "internal"];

/** True for what may be over soon. */
export function isPassing({ code }: Fault): boolean {
  return passing.includes(code);
}

/** Deliveries that one request names. */
const idsMax = 500;
/** What comes within this time goes together, milliseconds. */
const gatherMs = 5;
/** Time between two rounds: a broker answers 50 questions a second, and there are others to be asked. */
const pauseMs = 100;
/** How long one request waits for its answer, and how long the next attempt waits after a failure. */
const answerMs = 10_000;
const againMs = 250;
const reasonMax = 256;

/** Deliveries of one verdict, and who waits for what becomes of them. */
interface Batch {
  readonly verdict: Verdict;
  readonly waiting: Map<string, ((outcome: MailState | "unknown" | Fault) => void)[]>;
}

/**
 * Tells the broker what becomes of messages that were taken: many in one request, and again until it has answered. One
 * round is on its way at a time.
 */
export class Settlements {
  readonly #ask: AskBroker;
  // bound: messages that are held (batch, inboxMax) · evicts: with the broker's answer · owner: Settlements
  #batches = new Map<string, Batch>();
  #phase: "idle" | "gathering" | "asking" | "closed" = "idle";
  #lastAt = -Infinity;
  /** Ends the pause after a failure, and the wait of a request whose line is gone. */
  #hurry = new AbortController();

  constructor(ask: AskBroker) {
    this.#ask = ask;
  }

  /**
   * @returns the state in which the message is then; `unknown`: there is none of this id in the mailbox
   * @throws Fault of what stays so: forbidden, not-found (the box is closed), going-away
   */
  settle(id: string, verdict: Verdict): Promise<MailState | "unknown"> {
    if (this.#phase === "closed") return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const key = JSON.stringify(verdict);
      let batch = this.#batches.get(key);
      if (batch === undefined) this.#batches.set(key, (batch = { verdict, waiting: new Map() }));
      const others = batch.waiting.get(id);
      const told = (outcome: MailState | "unknown" | Fault): void => {
        if (outcome instanceof Fault) reject(outcome);
        else resolve(outcome);
      };
      if (others === undefined) batch.waiting.set(id, [told]);
      else others.push(told);
      if (this.#phase === "idle") void this.#run();
    });
  }

  /** The broker is reached again: what was asked over the line before is asked anew at once. */
  reconnected(): void {
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** Nothing more is told. */
  close(): void {
    this.#phase = "closed";
    this.#hurry.abort();
    const left = this.#batches;
    this.#batches = new Map();
    for (const { waiting } of left.values()) for (const told of waiting.values()) tell(told, closed());
  }

  async #run(): Promise<void> {
    this.#phase = "gathering";
    while (this.#batches.size > 0 && this.#isOpen()) {
      await sleep(Math.max(gatherMs, this.#lastAt + pauseMs - performance.now()), this.#hurry.signal);
      const batches = this.#batches;
      this.#batches = new Map();
      this.#lastAt = performance.now();
      await Promise.all([...batches.values()].flatMap((batch) => parts(batch).map((part) => this.#tell(part))));
    }
    if (this.#isOpen()) this.#phase = "idle";
  }

  /** Never rejects. */
  async #tell({ verdict, waiting }: Batch): Promise<void> {
    const ids = [...waiting.keys()];
    for (;;) {
      const { signal } = this.#hurry;
      let fault: Fault;
      try {
        const answer = await this.#ask(
          `mailbox.${verdict.kind}`,
          { ids, ...fieldsOf(verdict) },
          { timeoutMs: answerMs, signal },
        );
        const states = new Map(listIn(answer, "results").map((one) => [one["delivery_id"], one["state"] as MailState]));
        for (const [id, told] of waiting) tell(told, states.get(id) ?? "unknown");
        return;
      } catch (thrown) {
        fault = asFault(thrown);
      }
      if (!this.#isOpen()) fault = closed();
      if (!isPassing(fault)) {
        for (const told of waiting.values()) tell(told, fault);
        return;
      }
      await sleep(Math.max(againMs, fault.retryAfterMs ?? 0), this.#hurry.signal);
    }
  }

  #isOpen(): boolean {
    return this.#phase !== "closed";
  }
}

/** Waits so long, or until `signal` says that it is enough. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}

function tell(
  told: readonly ((outcome: MailState | "unknown" | Fault) => void)[],
  outcome: MailState | "unknown" | Fault,
): void {
  for (const one of told) one(outcome);
}

function parts({ verdict, waiting }: Batch): readonly Batch[] {
  const all = [...waiting];
  return Array.from({ length: Math.ceil(all.length / idsMax) }, (_, at) => ({
    verdict,
    waiting: new Map(all.slice(at * idsMax, (at + 1) * idsMax)),
  }));
}

function fieldsOf(verdict: Verdict): Readonly<Record<string, unknown>> {
  if (verdict.kind === "extend") return { lease_ms: verdict.leaseMs };
  if (verdict.kind === "release") return { delay_ms: verdict.delayMs };
  if (verdict.kind === "refuse" && verdict.reason !== undefined) return { reason: verdict.reason.slice(0, reasonMax) };
  return {};
}

function closed(): Fault {
  return new Fault("going-away", "this agent was closed");
}
