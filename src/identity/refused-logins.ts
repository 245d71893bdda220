import { networkOf, type Clock, type FaultCode } from "../core/index.js";
import type { LoginEvent } from "./identity.js";

/** Rows that are remembered. */
const rowsMax = 1_000;

/** Logins that were refused, of one dialect, network and code. */
export interface RefusedLogin {
  readonly dialect: string;
  /** The address of the last. */
  readonly remote: string;
  readonly code: FaultCode;
  /** The name that the last asked for, where that is known. */
  readonly agent: string | undefined;
  readonly count: number;
  /** Wall clock, milliseconds. */
  readonly first: number;
  readonly last: number;
}

/** The last logins that were refused. Those of one network are one row for each dialect and code: it hides no others. */
export class RefusedLogins {
  // bound: 1,000 · evicts: the row that was not added to for longest · owner: RefusedLogins
  readonly #rows = new Map<string, RefusedLogin>();
  readonly #clock: Pick<Clock, "now">;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  take({ dialect, remote, code, agent }: Extract<LoginEvent, { readonly event: "login.refused" }>): void {
    const key = `${dialect}\n${code}\n${networkOf(remote)}`;
    const before = this.#rows.get(key);
    const last = this.#clock.now();
    this.#rows.delete(key);
    const [oldest] = this.#rows.keys();
    if (this.#rows.size >= rowsMax && oldest !== undefined) this.#rows.delete(oldest);
    const count = (before?.count ?? 0) + 1;
    this.#rows.set(key, { dialect, remote, code, agent, count, first: before?.first ?? last, last });
  }

  /** Newest first. */
  get rows(): readonly RefusedLogin[] {
    return [...this.#rows.values()].reverse();
  }
}
