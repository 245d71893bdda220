import type { DialectTypes, Session } from "#dialect";
import type { StreamSession, StreamState } from "../streams/stream-session.js";
import { Answers, type Place } from "./answers.js";

/** What the dialect remembers of a session, as far as its commands need it. */
export interface CommandState extends StreamState {
  /** Made with the first command. */
  answers: Answers | undefined;
  /** The multi-agent that this session is setting up now: it hears of that by its answer. */
  configuring: string | undefined;
}

/** A session that commands. */
export interface CommandSession extends StreamSession, Pick<Session<DialectTypes>, "principal" | "call" | "ask"> {
  readonly state: CommandState;
}

/** What all commands have. */
export interface Command {
  readonly id: string;
  readonly metadata?:
    | {
        readonly correlationId?: string | undefined;
        readonly priority?: string | undefined;
        /** Milliseconds from receipt. */
        readonly ttl?: number | undefined;
      }
    | undefined;
  /** The channel that it came in. */
  readonly via?: string | undefined;
}

/** What the commands of a session were answered, made with the first. */
export function answersOf({ state }: CommandSession): Answers {
  return (state.answers ??= new Answers());
}

/** Where the answer to a command goes (Visualisation §2.2, §4.2). */
export function placeOf({ id, metadata, via }: Command): Place {
  return { channel: via, correlationId: metadata?.correlationId ?? id };
}

/** The name under which a session commands (Visualisation §1.4). */
export function controlNameOf(sessionId: string): string {
  return `control-${sessionId}`;
}
