import { itemsOfBytes, listCost } from "../../core/index.js";
import type { DialectTypes } from "../../dialect/index.js";
import { bytesOf, PastReading } from "../../directory/index.js";
import type { Hearer, Hearing } from "./hearing.js";
import type { Membership } from "./membership.js";
import { Replay } from "./replay.js";
import type { SessionLoop } from "./session-loop.js";

/** How a session joins: whether it may make the room, and how many of its last messages it wants to hear. */
export interface JoinOptions {
  readonly create: boolean;
  readonly history?: number;
}

/** A session that joins rooms. */
export interface Joiner<T extends DialectTypes> extends Hearer<T> {
  readonly loop: Pick<SessionLoop<T>, "afterCommand" | "pay"> | undefined;
}

/** How one session joins rooms: it pays for what was said there before, and hears it once it is in the room. */
export class Joining<T extends DialectTypes> {
  readonly #session: Joiner<T>;
  readonly #membership: Membership;
  readonly #hearing: Hearing<T>;

  constructor(session: Joiner<T>, membership: Membership, hearing: Hearing<T>) {
    this.#session = session;
    this.#membership = membership;
    this.#hearing = hearing;
  }

  /**
   * The past follows as soon as the present command is over.
   * @returns whether the session is new there
   * @throws Fault rate-limited, and why it may not join
   */
  join(room: string, options: JoinOptions): boolean {
    this.#payForPast(room, options.history);
    const { isNew, past } = this.#membership.join(room, options);
    if (past.length > 0)
      this.#session.loop?.afterCommand(() => {
        new Replay(this.#session, this.#hearing).send(past);
      });
    return isNew;
  }

  /** The same as long work: the past is read in as many turns as it takes, and follows what `joined` sends. */
  joinInTurn(room: string, options: JoinOptions, joined: (isNew: boolean) => void): void | Promise<void> {
    this.#payForPast(room, options.history);
    const replay = new Replay(this.#session, this.#hearing);
    const reading = new PastReading(
      () => this.#membership.past(room, options.history),
      (past) => {
        replay.ready(past);
      },
    );
    return this.#session.long(() => {
      if (reading.advance() === "more") return "more";
      const { isNew, past } = this.#membership.join(room, options);
      joined(isNew);
      replay.send(past);
      return undefined;
    });
  }

  /** @throws Fault rate-limited */
  #payForPast(room: string, history: number | undefined): void {
    this.#session.loop?.pay(listCost(itemsOfBytes(bytesOf(this.#membership.past(room, history)))) - 1);
  }
}
