import type { Message } from "./message.js";
import type { Principal, Sight } from "./principal.js";

/**
 * What became of a message that was handed to one connection. `full`: nothing was counted, and there is room again when
 * the next proof comes. `closed`: the connection is ending. An object: it can never have it, and why.
 */
export type Pushed = "taken" | "full" | "closed" | { readonly unrenderable: string };

/** One connection of an owner, to which what waits for it is handed over (protocols §9). */
export interface Recipient {
  /** Who it is, and how well that is proved; undefined for a ZeroMQ connection that only claims its name. */
  readonly principal: Principal | undefined;
  /** False: it may not be pinged, so that nothing is ever proved to have been read (ZMTP 3.0). */
  readonly canProve: boolean;
  /**
   * Messages that it is given at most before it has proved to have read them; absent: as many as the broker allows.
   * Libraries that hold few messages answer their own pings no more, and give up, when more wait for the program.
   */
  readonly windowMax?: number;
  /**
   * Gives it one copy under the message's own topic. Only what is `taken` is a copy in the ledger. Whether the message
   * has expired is for the caller to know. Never throws.
   */
  push(message: Message): Pushed;
  /**
   * Asks for a sign that can only come after everything that was pushed before it; `proved` is called with how long it
   * took, in milliseconds, and never if the connection ends. One question is under way at a time: one that is asked
   * meanwhile (a connection may have several mailboxes) goes out behind it. While one is open, silence does not end the
   * connection before `provingMs`. Where nothing can be asked, `proved` is called once all is written and the connection
   * has lived on for 2 s. A question of the same `asker` that has not gone out yet is replaced by this one.
   */
  prove(asker: object, proved: (tookMs: number) => void): void;
}

/** Receives what is published: a ZeroMQ peer, a session, a room's history, a tap. */
export interface Subscriber {
  /**
   * Takes one copy. The payload may be borrowed: call `message.keep()` before storing it. `observed`: received as a
   * tap, which is counted separately.
   * @returns false if the message is not for this subscriber (its own, for example); true also if the copy was dropped
   * and counted.
   */
  deliver(message: Message, observed: boolean): boolean;
  /** What it hears as a tap or by a prefix; absent: `direct`. */
  readonly sight?: Sight;
  /** True if it takes sealed messages: it hands them on to a client of their dialect and looks into none. */
  readonly takesSealed?: boolean;
  /**
   * False while it is given what is for `topic` without having subscribed to it: its library drops that, and answers a
   * ping all the same. Absent: it hears what it is given.
   */
  hears?(topic: string): boolean;
  /** The connection behind it, if what waits in a mailbox can be handed over to it. */
  readonly recipient?: Recipient | undefined;
}
