import type { Clock } from "../../../src/core/clock.js";
import { unknownOption, type Known } from "../shared/unknown-option.js";
import type { ViewerChannel } from "./channel.js";
import { viewerError } from "./error.js";
import type { StreamName } from "./events.js";
import type { Algorithm } from "./platform.js";
import type { Token } from "./tokens.js";

/** What of the document each version has (Visualisation §1.6). */
export type Version = "1.0" | "1.1" | "2.0";

/** How a viewer looks; all but the token has a default. */
export interface ViewerOptions {
  /** A token that may look, or a function that brings one: it is called at each connect, and before a token ends. */
  readonly token: Token;
  /** What comes unasked; everything of the endpoint if absent. */
  readonly streams?: readonly StreamName[];
  /** Positions a second, 1–30; 10 if absent. */
  readonly positionRate?: number;
  /** Whether positions, states, figures and coordination come in binary, which is smaller and tells less. */
  readonly binary?: boolean;
  /** What batches may be compressed by, the best first; true: whatever can be opened here; false: nothing. */
  readonly compression?: boolean | readonly Algorithm[];
  /** 1 (fast) to 9 (small). */
  readonly compressionLevel?: number;
  /** Channels are asked for. */
  readonly multiplexing?: boolean;
  /** The version to negotiate; none is negotiated if absent, and all is allowed. */
  readonly version?: Version;
  /** What this program calls itself. */
  readonly clientId?: string;
  /** How far apart heartbeats are, milliseconds; else what the broker says. */
  readonly heartbeatMs?: number;
  /** How long an attempt to connect may take, milliseconds. */
  readonly connectTimeoutMs?: number;
  /** How long an answer of the broker itself is waited for, milliseconds. */
  readonly answerTimeoutMs?: number;
  /** Source of time. For tests. */
  readonly clock?: Clock;
}

/** How something is commanded. */
export interface CommandOptions {
  /** How long the agent has, milliseconds. */
  readonly timeoutMs?: number;
  /** It is not handed to the agent later than that, milliseconds. */
  readonly ttlMs?: number;
  readonly priority?: "low" | "normal" | "high" | "critical";
  /** The answer is POSTed there, too, where the broker's configuration has its host (Visualisation §5.4). */
  readonly webhook?: string;
  /** The same id again in one session is not executed again. */
  readonly id?: string;
  /** In which channel it is said, and answered. */
  readonly channel?: ViewerChannel;
}

const known: Known<ViewerOptions> = {
  token: true,
  streams: true,
  positionRate: true,
  binary: true,
  compression: true,
  compressionLevel: true,
  multiplexing: true,
  version: true,
  clientId: true,
  heartbeatMs: true,
  connectTimeoutMs: true,
  answerTimeoutMs: true,
  clock: true,
};

const knownOfCommands: Known<CommandOptions> = {
  timeoutMs: true,
  ttlMs: true,
  priority: true,
  webhook: true,
  id: true,
  channel: true,
};

/** {@link ViewerOptions} with their defaults. */
export type FullOptions = ViewerOptions & Required<Pick<ViewerOptions, keyof typeof defaults>>;

/** Defaults of {@link ViewerOptions}. */
export const defaults = Object.freeze({
  binary: true,
  compression: true,
  compressionLevel: 6,
  multiplexing: true,
  clientId: "synaptic-core",
  connectTimeoutMs: 15_000,
  answerTimeoutMs: 15_000,
});

/** @throws ViewerError BAD_OPTION */
export function checkOptions(url: unknown, options: ViewerOptions): void {
  refuse(unknownOption("new Viewer", options, known));
  if (typeof url !== "string" || !/^(?:wss?|https?):\/\//.test(url))
    refuse("the address is ws:// or wss://, host and path (ws://127.0.0.1:8080/api/visualisation/agents/ws)");
  const { token, positionRate: rate } = options;
  if (typeof token !== "function" && (typeof token !== "string" || token === ""))
    refuse(
      "token is a text that is not empty, or a function that brings one; broker token NAME --jwt --scope observe makes one",
    );
  if (rate !== undefined && !(rate >= 1 && rate <= 30)) refuse("positionRate is 1 to 30 a second");
  for (const name of ["heartbeatMs", "connectTimeoutMs", "answerTimeoutMs"] as const) {
    const ms = options[name];
    if (ms !== undefined && !(Number.isFinite(ms) && ms > 0)) refuse(`${name} is a number of milliseconds above 0`);
  }
}

/** @throws ViewerError BAD_OPTION */
export function checkCommand(what: string, options: CommandOptions): void {
  refuse(unknownOption(what, options, knownOfCommands));
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw viewerError("BAD_OPTION", problem);
}
