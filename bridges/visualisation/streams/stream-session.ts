import type { DialectService, DialectTypes, Insight, Session } from "#dialect";
import type { Algorithm } from "../compression.js";
import type { Outlet, ToldEvent } from "./outlet.js";
import type { StreamName } from "./stream-name.js";

export type { ToldEvent } from "./outlet.js";

/** How what goes to a viewer is made smaller (Visualisation §1.7). */
export interface Compression {
  readonly algorithm: Algorithm;
  readonly level: number;
}

/** What the streams read of what the dialect remembers of a session. */
export interface StreamState {
  /** Undefined: it may look at nothing. */
  readonly insight: Insight | undefined;
  readonly binary: boolean;
  readonly compression: Compression | undefined;
  /** What comes unasked, as far as it may see it. */
  readonly streams: ReadonlySet<StreamName>;
  /** Positions a second, 1–30. */
  readonly positionRate: number;
  /** Set by the streams when the session is first told something. */
  outlet: Outlet | undefined;
}

/** A session, as far as the streams know it. */
export interface StreamSession extends Pick<
  Session<DialectTypes>,
  "id" | "backlog" | "limits" | "services" | "sendFrame" | "now" | "newId"
> {
  readonly state: StreamState;
  send(event: ToldEvent): void;
}

/** What the dialect gets once per broker, as far as the streams use it. */
export interface StreamService extends Pick<DialectService<DialectTypes>, "services" | "after"> {
  broadcastFrame(frame: string | Buffer, to: Iterable<StreamSession>): void;
}
