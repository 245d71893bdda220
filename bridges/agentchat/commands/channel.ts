import { Fault, type Dialect } from "#dialect";
import type { Said } from "../codec.js";
import type { Event } from "../events.js";
import type { ChatSession, State } from "../state.js";
import { nameOf } from "../translate.js";

type Rules = Pick<Dialect<Said, Event, State>["commands"], "JOIN" | "LEAVE" | "LIST_CHANNELS" | "LIST_AGENTS" | "CREATE_CHANNEL" | "INVITE">;

/** Channels: the core's rooms (seed 001; protocols §5). None of these makes a channel but CREATE_CHANNEL. */
export const channelCommands: Rules = {
  JOIN: {
    phase: "ready",
    cost: 1,
    run(session, { channel, replay }) {
      session.join(channel, { create: false, ...(replay !== undefined && { history: replay }) });
      session.send({ type: "JOINED", ts: session.now(), channel, agents: agentsOf(session, channel) });
    },
  },
  LEAVE: {
    phase: "ready",
    cost: 1,
    run(session, { channel }) {
      if (!session.leave(channel)) throw new Fault("malformed", `LEAVE: you are not in ${channel}; JOIN it first`);
      session.send({ type: "LEFT", ts: session.now(), channel, agent: `@${session.principal?.agent ?? ""}` });
    },
  },
  LIST_CHANNELS: {
    phase: "ready",
    cost: 1,
    run(session) {
      const rooms = session.services.directory.rooms(session.principal);
      session.send({ type: "CHANNELS", ts: session.now(), list: rooms.map(({ name, members }) => ({ name, agents: members })) });
    },
  },
  LIST_AGENTS: {
    phase: "ready",
    cost: 1,
    run(session, { channel }) {
      session.send({ type: "AGENTS", ts: session.now(), channel, list: agentsOf(session, channel) });
    },
  },
  CREATE_CHANNEL: {
    phase: "ready",
    cost: 1,
    run(session, { channel, invite_only: inviteOnly = false }) {
      session.create(channel, { inviteOnly });
      session.send({ type: "JOINED", ts: session.now(), channel, agents: agentsOf(session, channel) });
    },
  },
  INVITE: {
    phase: "ready",
    cost: 1,
    run(session, { channel, agent }) {
      // Whoever may not know of the channel learns nothing about it, nor about who is here.
      agentsOf(session, channel);
      if (session.services.directory.agent(nameOf(agent)) === undefined) {
        throw new Fault("not-found", `there is no agent ${agent} here; invite it when it is online`, { detail: { agentchat: "AGENT_NOT_FOUND" } });
      }
      session.invite(channel, nameOf(agent));
    },
  },
};

/** @throws Fault not-found */
function agentsOf({ services, principal }: ChatSession, channel: string): readonly string[] {
  return services.directory.members(channel, principal).map((name) => `@${name}`);
}
