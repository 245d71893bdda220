import { everyone, Fault, isRoom, networkOf, type Dialect, type Rate, type Session } from "#dialect";
import type { Command, Event } from "./schema.js";
import { draftOf, isShared } from "./translate.js";

/** PAN remembers nothing of a session that the broker does not. */
export type State = Readonly<Record<string, never>>;

type PanSession = Session<Event, State>;
type Commands = Dialect<Command, Event, State>["commands"];

/** When each command may be said and what it does (PAN §1–4). */
export const commandTable: Commands = {
  auth: {
    phase: "greeting",
    async run(session, { agentId, name, token }) {
      if (token === undefined) throw new Fault("unauthenticated", "Invalid token");
      const displayName = name === undefined || name === "" ? agentId : name;
      await session.admit(session.services.identity.token(agentId, token, displayName));
    },
  },
  chat: {
    phase: "ready",
    run(session, chat) {
      const speaker = session.principal?.agent;
      if (chat.from !== undefined && chat.from !== speaker)
        throw new Fault("malformed", "chat: from: the broker sets it; leave it out");
      charge(session, chat.to);
      const draft = draftOf(chat);
      if (isShared(chat.to)) session.inform(draft);
      else session.say(draft);
    },
  },
  join: {
    phase: "ready",
    run(session, { room, history }) {
      checkRoom(room);
      charge(session, room);
      session.join(room, { create: true, ...(history !== undefined && { history }) });
      session.send({ type: "system", status: "joined", room, message: `You joined ${room}` });
    },
  },
  leave: {
    phase: "ready",
    run(session, { room }) {
      checkRoom(room);
      charge(session, room);
      session.leave(room);
      session.send({ type: "system", status: "left", room, message: `You left ${room}` });
    },
  },
  list: {
    phase: "ready",
    run(session) {
      const listed = session.services.directory.agents();
      // A long list costs more than a short one.
      charge(session, "list", 1 + Math.floor(listed.length / 100));
      const agents = listed.map(({ name, displayName }) => ({ id: name, name: displayName }));
      session.send({ type: "list", agents });
    },
  },
};

function checkRoom(room: string): void {
  if (!isRoom(room)) throw new Fault("malformed", "room: # and 1–64 of A-Z a-z 0-9 _ - .");
}

/** PAN §2.1, §6: the agent's bucket across connections; `all` has its own, slower one. A rate of 0 is off. */
function charge(session: PanSession, to: string, cost = 1): void {
  const { limits, limiter } = session.services;
  const agent = session.principal?.agent ?? session.id;
  const broadcast = to === everyone;
  if (broadcast ? limits.panBroadcastMs === 0 : limits.panRatePerSecond === 0) return;
  const rate: Rate = broadcast
    ? { perSecond: 1_000 / limits.panBroadcastMs, burst: limits.panBroadcastBurst }
    : { perSecond: limits.panRatePerSecond, burst: limits.panRateBurst };
  const wait = Math.max(
    limiter.take(broadcast ? `pan-all ${agent}` : `agent ${agent}`, rate, Math.min(cost, rate.burst)),
    broadcast ? sharedWait(session, rate) : 0,
  );
  if (wait > 0) throw new Fault("rate-limited", "Sending too fast. Cool down.", { retryAfterMs: wait });
}

/**
 * Agents without a token of their own can change their names; ten of them at one address may broadcast as fast as they
 * can, a hundred may not.
 */
function sharedWait({ principal, remote, services: { limiter } }: PanSession, { perSecond, burst }: Rate): number {
  return principal?.trust === "proved"
    ? 0
    : limiter.take(`pan-all at ${networkOf(remote)}`, { perSecond: perSecond * 10, burst: burst * 10 });
}
