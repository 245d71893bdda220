import type { Message, Principal, Pushed, Recipient } from "../../core/index.js";
import type { Connection, DialectTypes } from "../../dialect/index.js";
import type { Hearer, Hearing } from "./hearing.js";

/** A session to which what waits can be handed over. */
export interface Receiving<T extends DialectTypes> extends Hearer<T> {
  readonly connection: Pick<Connection, "buffered" | "offer" | "prepare" | "prove" | "send">;
}

/** A session as a mailbox hands over to it (protocols §9.1). */
export class SessionRecipient<T extends DialectTypes> implements Recipient {
  readonly canProve = true;
  /** python-websockets holds 32 messages and has to read its own pongs behind them. */
  readonly windowMax = 16;
  readonly #session: Receiving<T>;
  readonly #hearing: Hearing<T>;

  constructor(session: Receiving<T>, hearing: Hearing<T>) {
    this.#session = session;
    this.#hearing = hearing;
  }

  get principal(): Principal | undefined {
    return this.#session.principal;
  }

  push(message: Message): Pushed {
    return this.#session.isOver ? "closed" : this.#hearing.push(message, this.#session);
  }

  prove(asker: object, proved: (tookMs: number) => void): void {
    if (this.#session.isOver) return;
    this.#session.connection.prove(asker, (tookMs) => {
      if (!this.#session.isOver) proved(tookMs);
    });
  }
}
