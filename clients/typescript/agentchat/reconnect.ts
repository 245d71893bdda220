import { setTimeout as delay } from "node:timers/promises";
import type { Backoff } from "../shared/backoff.js";
import type { Connection } from "./connection.js";
import { AgentChatError } from "./error.js";
import type { JoinedRooms } from "../shared/joined-rooms.js";

/**
 * A connection that was ready for this long held: the next loss is tried again at once, milliseconds. A server that
 * welcomes and hangs up is not asked without a pause.
 */
export const steadyMs = 10_000;

/** Refusals that are the same next time, whatever they refuse. */
const alwaysFinal: readonly string[] = ["SESSION_DISPLACED", "VERIFICATION_FAILED"];
/** What can end an introduction without being the same next time: three refusals, and no answer at all. */
const passing: readonly string[] = ["RATE_LIMITED", "INTERNAL", "AUTH_REQUIRED", "TIMEOUT"];

/** True if a server that refused us so would refuse us again: every ERROR to IDENTIFY but the passing ones. */
export function isFinal({ code, call }: AgentChatError): boolean {
  return alwaysFinal.includes(code) || (call === "IDENTIFY" && !passing.includes(code));
}

/** How often a JOIN is tried that the server limits, and the time between if the server names none, milliseconds. */
const rejoinAttempts = 10;
const rejoinWaitMs = 1_000;

/**
 * Connects again and again until it works.
 * @returns undefined when `signal` says that it is no longer wanted
 * @throws AgentChatError a refusal that would be the same next time
 */
export async function comeBack(
  open: () => Promise<Connection>,
  {
    backoff,
    signal,
    reason,
    onWait,
  }: {
    readonly backoff: Backoff;
    readonly signal: AbortSignal;
    readonly reason: string;
    readonly onWait: (wait: { readonly inMs: number; readonly reason: string }) => void;
  },
): Promise<Connection | undefined> {
  let why = reason;
  for (;;) {
    const inMs = backoff.next();
    onWait({ inMs, reason: why });
    if (!(await waited(inMs, signal))) return undefined;
    try {
      return await open();
    } catch (thrown) {
      if (signal.aborted) return undefined;
      if (thrown instanceof AgentChatError && isFinal(thrown)) throw thrown;
      why = thrown instanceof Error ? thrown.message : String(thrown);
    }
  }
}

/**
 * Joins channels again, one after the other, as fast as the server allows, but for those in which it says that we are. A
 * channel that it refuses is reported, and tried again with the next connection.
 */
export async function rejoin(
  connection: Connection,
  channels: Pick<JoinedRooms, "outside" | "has">,
  {
    signal,
    join,
    onError,
  }: {
    readonly signal: AbortSignal;
    readonly join: (channel: string) => Promise<unknown>;
    readonly onError: (error: AgentChatError) => void;
  },
): Promise<void> {
  for (const channel of channels.outside) {
    for (let attempt = 1; channels.has(channel) && !connection.isOver() && !signal.aborted; attempt += 1) {
      try {
        await join(channel);
        break;
      } catch (thrown) {
        if (!(thrown instanceof AgentChatError)) throw thrown;
        if (thrown.code === "RATE_LIMITED" && attempt < rejoinAttempts) {
          await waited(thrown.retryAfterMs ?? rejoinWaitMs, signal);
          continue;
        }
        if (!connection.isOver())
          onError(
            new AgentChatError(thrown.code, `${channel} could not be joined again: ${thrown.message}`, {
              ...(thrown.ref !== undefined && { ref: thrown.ref }),
              call: "JOIN",
              channel,
              cause: thrown,
            }),
          );
        break;
      }
    }
  }
}

/** False if `signal` cut it short. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch (thrown) {
    if (signal.aborted) return false;
    throw thrown;
  }
}
