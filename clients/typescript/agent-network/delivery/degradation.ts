import type { Clock } from "../../../../src/core/clock.js";

/** What troubles a client. `sealing`: a peer's frames could not be opened, or ours had to be sealed anew. */
export type Trouble = "line-lost" | "no-echo" | "refused-login" | "sealing";

/** What the application is told, so that it can tell its user. What is sealed stays sealed (Agent Network §12.6). */
export interface DegradedReport {
  readonly state: "degraded" | "restored";
  /** How much further apart heartbeats are than usual: 1, 2 or 4. */
  readonly heartbeatFactor: 1 | 2 | 4;
  /** The last trouble, and how many there were lately. */
  readonly trouble: Trouble;
  readonly lately: number;
  /** For people; names the remedy. */
  readonly message: string;
}

/** Troubles count for so long, milliseconds. */
const lateMs = 5 * 60_000;
/** One trouble happens; from the second on it is a state. */
const factorOf = (lately: number): 1 | 2 | 4 => (lately >= 3 ? 4 : lately === 2 ? 2 : 1);

/** Notices a line that goes on being bad: heartbeats are further apart then, and the application is told. */
export class Degradation {
  readonly #clock: Clock;
  readonly #told: (report: DegradedReport) => void;
  /** When troubles were, monotonic milliseconds; the last three. */
  #troubles: number[] = [];
  #last: Trouble = "line-lost";
  #factor: 1 | 2 | 4 = 1;
  #cancel: (() => void) | undefined;

  /** @param told the state has changed; does not throw */
  constructor(clock: Clock, told: (report: DegradedReport) => void) {
    this.#clock = clock;
    this.#told = told;
  }

  /** How much further apart heartbeats are than usual. */
  get factor(): 1 | 2 | 4 {
    return this.#factor;
  }

  /** The time between two heartbeats. @param usualMs as CONNECTED says, milliseconds */
  heartbeatMs(usualMs: number): number {
    return usualMs * this.#factor;
  }

  /** Something went wrong. */
  trouble(kind: Trouble): void {
    this.#last = kind;
    this.#troubles = [...this.#troubles, this.#clock.monotonic()].slice(-3);
    this.#look();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(): void {
    const now = this.#clock.monotonic();
    this.#troubles = this.#troubles.filter((at) => now - at < lateMs);
    const lately = this.#troubles.length;
    const factor = factorOf(lately);
    this.#cancel?.();
    this.#cancel = undefined;
    const [oldest] = this.#troubles;
    if (oldest !== undefined)
      this.#cancel = this.#clock.after(oldest + lateMs - now, () => {
        this.#look();
      });
    if (factor === this.#factor) return;
    this.#factor = factor;
    const state = factor === 1 ? "restored" : "degraded";
    this.#told({ state, heartbeatFactor: factor, trouble: this.#last, lately, message: wordsFor(state, this.#last) });
  }
}

const remedies: Readonly<Record<Trouble, string>> = {
  "line-lost": "the connection is lost again and again: look at the network between here and the broker",
  "no-echo": "the broker does not echo heartbeats: look at the network, or at the broker's load",
  "refused-login": "the broker refuses the login: look at the token, its agent and its expiry",
  sealing: "handshakes are made again and again: compare fingerprints with the peer, and its clock and client",
};

function wordsFor(state: DegradedReport["state"], trouble: Trouble): string {
  if (state === "restored") return "the line is good again";
  return `${remedies[trouble]}; messages are kept and sent when it works, sealed as ever`;
}
