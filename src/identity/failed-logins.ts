import { Fault, isLoopbackAddress, networkOf, type Limits } from "../core/index.js";
import type { Limiter, Rate } from "./limiter.js";

/**
 * Failed logins by address (in IPv6: by network). An address with too many must wait at every door; this machine's own
 * addresses never wait.
 */
export class FailedLogins {
  readonly #limiter: Limiter;
  readonly #rate: Rate;

  constructor(limiter: Limiter, limits: Pick<Limits, "loginFailuresPerMinute">) {
    this.#limiter = limiter;
    this.#rate = { perSecond: limits.loginFailuresPerMinute / 60, burst: limits.loginFailuresPerMinute };
  }

  /** A login from `remote` has failed. */
  add(remote: string): void {
    if (!isExempt(remote)) this.#limiter.take(key(remote), this.#rate);
  }

  /** Why nobody at `remote` may try to log in now, or undefined. */
  barred(remote: string): Fault | undefined {
    if (isExempt(remote)) return undefined;
    const retryAfterMs = this.#limiter.ask(key(remote), this.#rate);
    if (retryAfterMs === 0) return undefined;
    return new Fault("rate-limited", "too many failed logins from this address; try again in a minute", {
      retryAfterMs,
      fatal: true,
    });
  }
}

function isExempt(remote: string): boolean {
  return remote === "ipc" || isLoopbackAddress(remote);
}

function key(remote: string): string {
  return `login ${networkOf(remote)}`;
}
