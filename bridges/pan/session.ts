import { everyone, Fault, isRoom, type Dialect, type Rate, type Session } from "#dialect";
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
      if (chat.from !== undefined && chat.from !== speaker) throw new Fault("malformed", "chat: from: the broker sets it; leave it out");
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
      charge(session, "list");
      const agents = session.services.directory.agents().map(({ name, displayName }) => ({ id: name, name: displayName }));
      session.send({ type: "list", agents });
    },
  },
};

function checkRoom(room: string): void {
  if (!isRoom(room)) throw new Fault("malformed", "room: # and 1–64 of A-Z a-z 0-9 _ - .");
}

/** PAN §2.1, §6: the agent's bucket across connections; `all` has its own, slower one. A rate of 0 is off. */
function charge(session: PanSession, to: string): void {
  const { limits, limiter } = session.services;
  const agent = session.principal?.agent ?? session.id;
  const broadcast = to === everyone;
  if (broadcast ? limits.panBroadcastMs === 0 : limits.panRatePerSecond === 0) return;
  const rate: Rate = broadcast
    ? { perSecond: 1_000 / limits.panBroadcastMs, burst: limits.panBroadcastBurst }
    : { perSecond: limits.panRatePerSecond, burst: limits.panRateBurst };
  const wait = limiter.take(broadcast ? `pan-all ${agent}` : `agent ${agent}`, rate);
  if (wait > 0) throw new Fault("rate-limited", "Sending too fast. Cool down.", { retryAfterMs: wait });
}
