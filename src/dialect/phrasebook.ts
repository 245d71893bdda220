import type { z } from "zod";
import type { Frame } from "./connection.js";

/** What a client is told by a refusal. */
export interface ToldRefusal {
  /** The dialect's own word for it. */
  readonly code: string;
  readonly message: string;
}

/**
 * How a client speaks a dialect, frame by frame. Pure. It says no more than is needed to log in and to talk, so that
 * the broker's own tools can speak any dialect without its client library.
 */
export interface Phrasebook {
  /** The frames that log in, by `token` if one is given. */
  login(name: string, token?: string): readonly Frame[];
  /** The agent's name as others address it, if `frame` tells that the login has succeeded. */
  welcomed(frame: Frame, name: string): string | undefined;
  /** Text to an agent, by the name of {@link welcomed}, or to a `#room`. */
  say(to: string, text: string): Frame;
  /**
   * A frame of this book, or of a subject of the conformance suite, as `name` says it; absent where frames do not tell
   * who says them.
   */
  spokenBy?(frame: Frame, name: string): Frame;
  /** The text that a frame tells, if it tells one. */
  textOf(frame: Frame): string | undefined;
  /** What a frame refuses, if it refuses something. */
  refusalOf(frame: Frame): ToldRefusal | undefined;
  /** The code by which a server asks for a proof that `login` cannot give; the dialect has answered all the same. */
  readonly proofWanted?: string;
  /** Those who speak it look and command, and cannot talk to each other. */
  readonly isForViewers?: true;
  /** Messages per second that one session may send at the default limits. */
  readonly perSecond: number;
}

/** Everything that can be said and heard in a dialect whose frames are JSON. */
export interface Vocabulary {
  /** For people: how frames are spelt, how large they may be, which comes first. */
  readonly description: string;
  readonly commands: Readonly<Record<string, z.ZodObject>>;
  readonly events: Readonly<Record<string, z.ZodObject>>;
  /** The event that refuses something. */
  readonly refused: string;
  /** Which events answer which command when all is well. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
}
