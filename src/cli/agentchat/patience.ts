import { setTimeout as pause } from "node:timers/promises";
import { serverCode } from "./exit.js";

const triesMax = 20;
const waitMaxMs = 60_000;

/**
 * Does something again as often as the server says that it came too fast. Each time it waits longer than it is told to:
 * the PING behind a message costs, too, and would eat what the wait has earned.
 * @throws what the server says else, or goes on saying; the reason of `signal`, which ends a wait at once
 */
export async function patiently<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await act();
    } catch (thrown) {
      if (serverCode(thrown) !== "RATE_LIMITED" || tries === triesMax) throw thrown;
      await pause(Math.min(retryAfter(thrown) * (1 + tries), waitMaxMs), undefined, { signal });
    }
  }
}

function retryAfter(thrown: unknown): number {
  const told = thrown instanceof Error && "retryAfterMs" in thrown ? thrown.retryAfterMs : undefined;
  return typeof told === "number" && told > 0 ? told : 1_000;
}
