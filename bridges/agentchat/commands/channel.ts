import {
  agentNameProblem,
  Fault,
  listCost,
  ListText,
  type AgentEntry,
  type JoinOptions,
  type RoomEntry,
  type Rules,
} from "#dialect";
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
    // Whoever is inside already asks for nothing but the list, and for the past, for which the engine takes more.
    cost: ({ channel }, { rooms, principal, services: { directory } }) =>
      rooms.has(channel) ? listCost(directory.memberCount(channel, principal)) : 1,
    run(session, { channel, replay, after }) {
      // Unasked for, the past is told once: to who comes in.
      if (replay === undefined && after === undefined && !session.rooms.has(channel))
        return joinWithPast(session, channel);
      return joined(session, channel, { history: replay ?? 0, after });
    },
  },
  LEAVE: {
    phase: "ready",
    cost: 1,
    run(session, { channel }) {
      if (!session.leave(channel)) throw new Fault("malformed", `LEAVE: you are not in ${channel}; JOIN it first`);
      return session.whenKept(() => {
        session.send({ type: "LEFT", ts: session.now(), channel, agent: `@${session.principal?.agent ?? ""}` });
      });
    },
  },
  LIST_CHANNELS: {
    phase: "ready",
    cost: (_said, { services: { directory } }) => listCost(directory.roomCount),
    run(session) {
      return session.long(() => {
        const rooms = session.services.directory.rooms(session.principal);
        const list = ChannelLists.of(session).channels(rooms);
        session.sendFrame(`{"type":"CHANNELS","ts":${session.now()},"list":${list}}`);
      });
    },
  },
  LIST_AGENTS: {
    phase: "ready",
    cost: ({ channel }, { services: { directory }, principal }) => listCost(directory.memberCount(channel, principal)),
    run(session, { channel }) {
      return session.long(() => {
        sendMembers(session, "AGENTS", channel);
      });
    },
  },
  CREATE_CHANNEL: {
    phase: "ready",
    cost: 1,
    async run(session, { channel, invite_only: inviteOnly = false }) {
      await session.create(channel, { inviteOnly });
      sendMembers(session, "JOINED", channel);
    },
  },
  INVITE: {
    phase: "ready",
    cost: 1,
    async run(session, { channel, agent }) {
      // Whoever may not look into the channel does not learn who is here.
      session.services.directory.mustSee(channel, session.principal);
      session.services.directory.contacts.mustMeet(session.principal?.agent ?? "", nameOf(agent));
      if (!session.services.directory.isReachable(nameOf(agent))) {
        const problem = agentNameProblem(nameOf(agent));
        const why = problem === undefined ? "; invite it when it is online" : `: the name ${problem}`;
        throw new Fault("not-found", `there is no agent ${agent} here${why}`, {
          detail: { agentchat: "AGENT_NOT_FOUND" },
        });
      }
      await session.invite(channel, nameOf(agent));
    },
  },
};

/** A member as it is listed. */
type Member = Pick<AgentEntry, "name" | "displayName">;

/** Members and channels as JSON: what has not changed is not written again for the next asker. */
class ChannelLists {
  readonly #ids = new ListText<Member>(({ name }) => JSON.stringify(`@${name}`));
  readonly #names = new ListText<Member>(
    ({ name, displayName }) => `${JSON.stringify(`@${name}`)}:${JSON.stringify(displayName)}`,
  );
  readonly #channels = new ListText<RoomEntry>(({ name, members, away }) =>
    JSON.stringify({ name, agents: members, ...(away !== undefined && { away }) }),
  );

  static of({ services }: ChatSession): ChannelLists {
    return services.once("agentchat lists", () => new ChannelLists());
  }

  channels(rooms: readonly RoomEntry[]): string {
    return this.#channels.of(rooms);
  }

  /** Ids. */
  ids(entries: readonly Member[]): string {
    return this.#ids.of(entries);
  }

  /** Ids, and what those are called who have another name than their id. */
  members(entries: readonly Member[]): { readonly ids: string; readonly names: string | undefined } {
    const named = entries.filter(({ name, displayName }) => name !== displayName);
    return {
      ids: this.ids(entries),
      names: named.length === 0 ? undefined : `{${named.map((one) => this.#names.item(one)).join()}}`,
    };
  }
}

function joined(
  session: ChatSession,
  channel: string,
  past: Pick<JoinOptions, "after" | "history">,
): void | Promise<void> {
  return session.joinInTurn(channel, { create: false, ...past }, (_isNew, { next, gap }) => {
    sendMembers(session, "JOINED", channel, { ...(next && { next }), ...(gap && { gap }) });
  });
}

/** Tells as much of the past as the server tells unasked, where the client can pay for it; else it just joins. */
function joinWithPast(session: ChatSession, channel: string): void | Promise<void> {
  try {
    return joined(session, channel, { history: session.settings.replay });
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === "rate-limited") return joined(session, channel, {});
    throw thrown;
  }
}

/** Tells who is in a channel. @throws Fault not-found, forbidden */
function sendMembers(session: ChatSession, type: "JOINED" | "AGENTS", channel: string, place: object = {}): void {
  const { directory } = session.services;
  const away = directory.away(channel, session.principal);
  // bound: members of one channel (roomMembersMax) · evicts: with the answer · owner: sendMembers
  const absent = new Map(away.map((entry) => [entry.name, entry]));
  const entries = directory
    .members(channel, session.principal)
    .flatMap<Member>((name) => absent.get(name) ?? directory.agent(name) ?? []);
  const lists = ChannelLists.of(session);
  const { ids, names } = lists.members(entries);
  const field = type === "JOINED" ? "agents" : "list";
  session.sendFrame(
    `{"type":"${type}","ts":${session.now()},"channel":${JSON.stringify(channel)},"${field}":${ids}` +
      (names === undefined ? "" : `,"names":${names}`) +
      (away.length === 0 ? "" : `,"away":${lists.ids(away)}`) +
      // Behind what is there already: the closing brace is that of the place.
      (Object.keys(place).length === 0 ? "}" : `,${JSON.stringify(place).slice(1)}`),
  );
}
