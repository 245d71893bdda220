import type { DialectTypes, Frame, PreparedFrame } from "../../dialect/index.js";
import type { Past } from "../../directory/index.js";
import type { Hearer, Hearing } from "./hearing.js";

/** A room's past on its way to one session: made ready message by message, then sent at once. */
export class Replay<T extends DialectTypes> {
  // bound: as many as one room keeps, twice at most · evicts: all, with the command that asks for them · owner: Replay
  readonly #frames = new Map<Past, Frame | PreparedFrame | undefined>();
  readonly #session: Hearer<T>;
  readonly #hearing: Hearing<T>;

  constructor(session: Hearer<T>, hearing: Hearing<T>) {
    this.#session = session;
    this.#hearing = hearing;
  }

  ready(past: Past): void {
    this.#frames.set(past, this.#hearing.replayed(past, this.#session));
  }

  /** Sends them in this order; those that are not ready are made so now. */
  send(past: readonly Past[]): void {
    const session = this.#session;
    for (const one of past) {
      const frame = this.#frames.has(one) ? this.#frames.get(one) : this.#hearing.replayed(one, session);
      if (frame !== undefined && !session.isOver) session.connection.send(frame, true);
    }
  }
}
