import { Fault } from "#dialect";
import type { ChatSession } from "./state.js";

/** Items of a list that cost as much as one message. */
const itemsPerToken = 100;

/**
 * A bucket for each connection, as in the original. What costs more than the burst takes a full bucket.
 * @throws Fault rate-limited
 */
export function charge({ id, services: { limiter, limits } }: ChatSession, cost: number): void {
  if (limits.agentchatRatePerSecond === 0) return;
  const wait = limiter.take(
    bucketOf(id),
    { perSecond: limits.agentchatRatePerSecond, burst: limits.agentchatBurst },
    cost,
  );
  if (wait > 0) throw new Fault("rate-limited", "Too many messages; slow down.", { retryAfterMs: wait });
}

/** A long list costs more than a short one, and is paid for before it is made. @throws Fault rate-limited */
export function chargeList(session: ChatSession, items: number): void {
  charge(session, 1 + Math.floor(items / itemsPerToken));
}

/** The connection is gone. */
export function forgetRate({ id, services: { limiter } }: ChatSession): void {
  limiter.forget(bucketOf(id));
}

function bucketOf(session: string): string {
  return `agentchat ${session}`;
}
