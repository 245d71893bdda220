import type { Envelope, Principal } from "../core/index.js";
import type { Directory, Presence } from "../directory/index.js";

/** What the desk says to a request; `replay` follows it. */
export interface Answer {
  readonly message: string;
  readonly data?: unknown;
  readonly replay?: readonly Envelope[];
}

/** One of the asker's own connections: rooms are joined through it. */
export interface Seat {
  readonly presence: Presence;
  /** True if the connection subscribed to `topic` itself. */
  readonly wants: (topic: string) => boolean;
  /** @throws Fault */
  readonly join: (room: string) => boolean;
  /** @throws Fault */
  readonly leave: (room: string) => boolean;
}

/** A request at the desk. */
export interface Ask {
  readonly request: Envelope;
  /** The asker's connections on ZeroMQ; none for an agent of another dialect. */
  readonly seats: readonly Seat[];
  /** As whom rooms are shown: somebody who is proved, else nobody in particular. */
  readonly viewer: Principal | undefined;
  readonly context: DeskServices;
}

/** What the desk looks things up in. */
export interface DeskServices {
  readonly directory: Directory;
  /** What `broker.status` answers the operator. */
  readonly status: () => Readonly<Record<string, unknown>>;
}

/** Answers requests of one `content.kind`. @throws Fault */
export type Kind = (ask: Ask) => Answer;

/** How many items an answer will list at most: it is paid for before it is made. Never throws. */
export type Length = (ask: Ask) => number;
