import { agentNameProblem, Fault, listCost, type Rules } from "#dialect";
import type { AgentChat, ChatSession } from "../state.js";
import { nameOf } from "../translate.js";

type ChannelRules = Pick<
  Rules<AgentChat>,
  "JOIN" | "LEAVE" | "LIST_CHANNELS" | "LIST_AGENTS" | "CREATE_CHANNEL" | "INVITE"
>;

/** Channels: the core's rooms (AgentChat §4). None of these makes a channel but CREATE_CHANNEL. */
export const channelCommands: ChannelRules = {
  JOIN: {
    phase: "ready",
    cost: 1,
    run(session, { channel, replay }) {
      session.join(channel, { create: false, ...(replay !== undefined && { history: replay }) });
      session.send({ type: "JOINED", ts: session.now(), channel, ...membersOf(session, channel, "agents") });
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
    cost: (_said, { services: { directory } }) => listCost(directory.roomCount),
    run(session) {
      const rooms = session.services.directory.rooms(session.principal);
      session.send({
        type: "CHANNELS",
        ts: session.now(),
        list: rooms.map(({ name, members }) => ({ name, agents: members })),
      });
    },
  },
  LIST_AGENTS: {
    phase: "ready",
    cost: ({ channel }, { services: { directory }, principal }) => listCost(directory.memberCount(channel, principal)),
    run(session, { channel }) {
      session.send({ type: "AGENTS", ts: session.now(), channel, ...membersOf(session, channel, "list") });
    },
  },
  CREATE_CHANNEL: {
    phase: "ready",
    cost: 1,
    run(session, { channel, invite_only: inviteOnly = false }) {
      session.create(channel, { inviteOnly });
      session.send({ type: "JOINED", ts: session.now(), channel, ...membersOf(session, channel, "agents") });
    },
  },
  INVITE: {
    phase: "ready",
    cost: 1,
    run(session, { channel, agent }) {
      // Whoever may not look into the channel does not learn who is here.
      session.services.directory.members(channel, session.principal);
      if (session.services.directory.agent(nameOf(agent)) === undefined) {
        const problem = agentNameProblem(nameOf(agent));
        const why = problem === undefined ? "; invite it when it is online" : `: the name ${problem}`;
        throw new Fault("not-found", `there is no agent ${agent} here${why}`, {
          detail: { agentchat: "AGENT_NOT_FOUND" },
        });
      }
      session.invite(channel, nameOf(agent));
    },
  },
};

/**
 * Who is in a channel, and what those are called who have another name than their id.
 * @throws Fault not-found, forbidden
 */
function membersOf<F extends "agents" | "list">(
  { services: { directory }, principal }: ChatSession,
  channel: string,
  field: F,
): Record<F, readonly string[]> & { readonly names?: Readonly<Record<string, string>> } {
  const members = directory.members(channel, principal);
  const named = members.flatMap((member) => {
    const name = directory.agent(member)?.displayName ?? member;
    return name === member ? [] : [[`@${member}`, name] as const];
  });
  const ids = members.map((member) => `@${member}`);
  return { [field]: ids, ...(named.length > 0 && { names: Object.fromEntries(named) }) } as Record<
    F,
    readonly string[]
  > & { readonly names?: Readonly<Record<string, string>> }; // a computed key is a string to the compiler
}
