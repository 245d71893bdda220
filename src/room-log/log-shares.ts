import { Fault, type Limits } from "../core/index.js";
import type { LogRow } from "./log-row.js";

/** The limits of all logs. */
export type LogLimits = Pick<Limits, "roomLogsMax" | "roomLogsPerOwnerMax" | "roomLogsTotalMaxBytes">;

/** What the logs of one owner take. */
interface Share {
  readonly logs: number;
  readonly bytes: number;
}

const nothing: Share = { logs: 0, bytes: 0 };

/**
 * Who takes how much of what all logs may. One owner has a quarter at most, and those whose name costs nothing half
 * together: keys are made as one likes.
 */
export class LogShares {
  /** Bytes of all logs. */
  bytes = 0;
  #freeBytes = 0;
  #freeLogs = 0;
  /** Logs that somebody owns. */
  #logs = 0;
  // bound: roomLogsMax · evicts: an owner goes with its last log · owner: LogShares
  readonly #shares = new Map<string, Share>();
  readonly #limits: LogLimits;

  constructor(limits: LogLimits) {
    this.#limits = limits;
  }

  /** @throws Fault full if the owner may have no further log */
  mayAdd({ owner }: Pick<LogRow, "owner">): void {
    const { roomLogsMax, roomLogsPerOwnerMax } = this.#limits;
    if (this.#logs >= roomLogsMax)
      throw new Fault("full", `there are ${String(roomLogsMax)} durable rooms, which is as many as there can be`);
    if (owner?.standing === "free" && this.#freeLogs >= roomLogsMax / 2)
      throw new Fault("full", "agents without a token have as many durable rooms as they can; log in with one");
    if (owner !== undefined && this.#of(owner.key).logs >= roomLogsPerOwnerMax)
      throw new Fault(
        "full",
        `you have ${String(roomLogsPerOwnerMax)} durable rooms, which is as many as one agent can; ` +
          "end one of them first (room.keep, durable: false)",
      );
  }

  /**
   * @param waiting bytes that are on their way to the disk
   * @throws Fault full if so many bytes more are too many
   */
  mayGrow({ owner }: Pick<LogRow, "owner">, bytes: number, waiting: number): void {
    const most = this.#limits.roomLogsTotalMaxBytes;
    const more = bytes + waiting;
    if (this.bytes + more > most)
      throw new Fault("full", `durable rooms keep ${String(most)} bytes in all, as much as they may; end one of them`);
    if (owner === undefined) return;
    if (this.#of(owner.key).bytes + more > most / 4)
      throw new Fault("full", "the durable rooms of the agent that made this one keep as much as they may");
    if (owner.standing === "free" && this.#freeBytes + more > most / 2)
      throw new Fault("full", "the durable rooms of agents without a token keep as much as they may");
  }

  /** A log is there. */
  add(row: LogRow): void {
    this.#change(row, { logs: 1, bytes: row.bytes });
  }

  /** A log is as `row` says now. */
  changed(before: LogRow, row: LogRow): void {
    this.#change(row, { logs: 0, bytes: row.bytes - before.bytes });
  }

  /** A log has ended. */
  delete(row: LogRow): void {
    this.#change(row, { logs: -1, bytes: -row.bytes });
  }

  #of(key: string): Share {
    return this.#shares.get(key) ?? nothing;
  }

  #change({ owner }: LogRow, by: Share): void {
    this.bytes += by.bytes;
    if (owner === undefined) return;
    this.#logs += by.logs;
    if (owner.standing === "free") {
      this.#freeBytes += by.bytes;
      this.#freeLogs += by.logs;
    }
    const { logs, bytes } = this.#of(owner.key);
    if (logs + by.logs === 0) this.#shares.delete(owner.key);
    else this.#shares.set(owner.key, { logs: logs + by.logs, bytes: bytes + by.bytes });
  }
}
