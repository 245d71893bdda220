import {
  everyone,
  Fault,
  isRoom,
  jsonText,
  listCost,
  ListText,
  ListWriting,
  mailboxFields,
  type AgentEntry,
  type Bucket,
  type DialectTypes,
  type Rate,
  type Rules,
  type Session,
  type SpeakingRate,
} from "#dialect";
import type { PanLimits } from "./options.js";
import type { Command, Event, ListEvent } from "./schema.js";
import { draftOf, isShared } from "./translate.js";

/** The types of PAN. It remembers nothing of a session that the broker does not. */
export interface Pan extends DialectTypes {
  command: Command;
  event: Event;
  state: object;
  phase: "greeting" | "ready";
  limits: PanLimits;
  settings: object;
}

/** When each command may be said and what it does (PAN §1–4, §13). */
export const commandTable: Rules<Pan> = {
  auth: {
    phase: "greeting",
    async run(session, { agentId, name, token, mailbox }) {
      if (token === undefined) throw new Fault("unauthenticated", "Invalid token");
      const displayName = name === undefined || name === "" ? agentId : name;
      const credential = await session.services.identity.bearer(token, "pan");
      await session.admit(await credential.speakFor(agentId, displayName));
      const fields = mailboxFields(mailbox);
      if (fields !== undefined) await ask(session, "mailbox.open", fields);
    },
  },
  chat: {
    phase: "ready",
    cost: 1,
    run(session, chat) {
      const speaker = session.principal?.agent;
      if (chat.from !== undefined && chat.from !== speaker)
        throw new Fault("malformed", "chat: from: the broker sets it; leave it out");
      const draft = draftOf(chat);
      if (isShared(chat.to)) session.inform(draft);
      else session.say(draft);
    },
  },
  join: {
    phase: "ready",
    cost: 1,
    run(session, { room, history, after }) {
      checkRoom(room);
      return session.joinInTurn(room, { create: true, history, after }, (_isNew, { next, gap }) => {
        const place = { ...(next && { next }), ...(gap && { gap }) };
        session.send({ type: "system", status: "joined", room, message: `You joined ${room}`, ...place });
      });
    },
  },
  leave: {
    phase: "ready",
    cost: 1,
    run(session, { room }) {
      checkRoom(room);
      session.leave(room);
      return session.whenKept(() => {
        session.send({ type: "system", status: "left", room, message: `You left ${room}` });
      });
    },
  },
  list: {
    phase: "ready",
    cost: (_list, { services: { directory } }) => listCost(directory.agentCount),
    run(session) {
      const { directory } = session.services;
      const written = session.services.once("pan agents", () => new ListText(listed));
      const writing = new ListWriting(directory.contacts.agentsFor(session.principal?.agent ?? ""), written);
      return session.long(() => {
        const agents = writing.advance();
        if (agents === undefined) return "more";
        session.sendFrame(`{"type":"list","agents":${written.of(agents)}}`);
        return undefined;
      });
    },
  },
  ask: {
    phase: "ready",
    // The broker's desk takes the price, the same in every dialect: a second one here would count a question twice.
    run: (session, { kind, data, messageId }) => ask(session, kind, data, messageId),
  },
};

/** Asks the broker; its answer goes out as it is written. @throws Fault why it does not answer */
function ask(
  session: Session<Pan>,
  kind: string,
  data: Readonly<Record<string, unknown>> | undefined,
  messageId?: string,
): void | Promise<void> {
  const replyTo = messageId === undefined ? "" : `,"replyTo":${jsonText(messageId)}`;
  return session.ask(kind, data, ({ json }) => {
    session.sendFrame(`{"type":"answer",${json.slice(1, -1)}${replyTo}}`);
  });
}

/** An agent in the list, as JSON. */
function listed({ name, displayName }: AgentEntry): string {
  return JSON.stringify({ id: name, name: displayName } satisfies ListEvent["agents"][number]);
}

function checkRoom(room: string): void {
  if (!isRoom(room)) throw new Fault("malformed", "room: # and 1–64 of A-Z a-z 0-9 _ - .");
}

/** The agent's bucket across its connections; `all` has its own, slower one (PAN §2.1, §6). */
export const speakingRate: SpeakingRate<Pan> = {
  refusal: "Sending too fast. Cool down.",
  buckets(session, command) {
    const { limits } = session;
    if (command.type === "chat" && command.to === everyone) return broadcastBuckets(session);
    return [{ owner: "agent", rate: { perSecond: limits.panRatePerSecond, burst: limits.panRateBurst } }];
  },
};

/**
 * Agents without a token of their own can change their names: ten of them at one address may broadcast as fast as they
 * can, a hundred may not.
 */
function broadcastBuckets({ principal, limits }: Session<Pan>): readonly Bucket[] {
  if (limits.panBroadcastMs === 0) return [];
  const rate: Rate = { perSecond: 1_000 / limits.panBroadcastMs, burst: limits.panBroadcastBurst };
  const own: Bucket = { owner: "agent", name: "all", rate };
  if (principal?.trust === "proved") return [own];
  return [own, { owner: "network", name: "all", rate: { perSecond: rate.perSecond * 10, burst: rate.burst * 10 } }];
}
