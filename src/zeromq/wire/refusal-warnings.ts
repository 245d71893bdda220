import { cutText, networkOf, type Clock } from "../../core/index.js";
import type { DoorKind } from "./handshake.js";

const minuteMs = 60_000;

/**
 * Logs what clients were refused, for each address and reason at most once a minute: a refused client may come back ten
 * times a second. Never logs content or tokens.
 */
export class RefusalWarnings {
  // bound: zmqWarningsMax · evicts: the address and reason warned of longest ago, whose next warning may come early ·
  // owner: RefusalWarnings
  readonly #warnedAt = new Map<string, number>();
  readonly #max: number;
  readonly #clock: Clock;
  readonly #log: (event: string, fields: Readonly<Record<string, unknown>>) => void;

  /** `max`: addresses with a reason that are remembered. */
  constructor(max: number, clock: Clock, log: (event: string, fields: Readonly<Record<string, unknown>>) => void) {
    this.#max = max;
    this.#clock = clock;
    this.#log = log;
  }

  /** `name`: who the client says it is. `remedy`: what to do about it, for people. */
  warn(door: DoorKind, address: string, name: string | undefined, reason: string, remedy: string): void {
    const now = this.#clock.monotonic();
    const key = `${networkOf(address)} ${reason}`;
    const last = this.#warnedAt.get(key);
    if (last !== undefined && now - last < minuteMs) return;
    this.#warnedAt.delete(key);
    this.#warnedAt.set(key, now);
    if (this.#warnedAt.size > this.#max) {
      const [oldest] = this.#warnedAt.keys();
      if (oldest !== undefined) this.#warnedAt.delete(oldest);
    }
    const cut = name === undefined ? name : cutText(name);
    this.#log("zeromq client refused", { door, address, name: cut, reason, remedy });
  }
}
