import { everyone, Fault, topicKind, type Bucket, type Outcome, type Rules, type SpeakingRate } from "#dialect";
import { connectedOf } from "./connected.js";
import { networkFault } from "./errors.js";
import { logIn, refresh, speaker } from "./login.js";
import { ask } from "./question.js";
import { openOf, type AgentNetwork, type NetworkSession } from "./state.js";
import { systemEvent } from "./system.js";
import { isSealed, speak } from "./translate.js";
import type { Command, NetworkMessage } from "./schema.js";

/** What the core knows of a frame that passes unread. */
const sealedContent = { message: "", kind: "sealed" } as const;

/** Heartbeats are counted over so long, milliseconds. */
const heartbeatWindowMs = 10_000;

const anyPhase = ["greeting", "ready"] as const;

/** When each frame may be said and what it does (Agent Network §2, §3, §5). */
export const commandTable: Rules<AgentNetwork> = {
  AUTH: {
    phase: anyPhase,
    cost: 1,
    run: (session, { token, agentId }) =>
      session.principal === undefined ? logIn(session, token, agentId) : refresh(session, token, agentId),
  },
  HEARTBEAT: {
    phase: anyPhase,
    cost: (_heartbeat, session) => heartbeatCost(session),
    run: (session, { message }) =>
      afterLogin(session, message, () => {
        const { timestamp } = message.content();
        session.send(
          systemEvent(session, "HEARTBEAT", { timestamp: Number.isFinite(timestamp) ? timestamp : session.now() }),
        );
      }),
  },
  DISCONNECT: {
    phase: anyPhase,
    run: (session, { message }) =>
      afterLogin(session, message, () => {
        acknowledge(session, message);
        session.close({ code: 1000, reason: "goodbye" });
      }),
  },
  system: {
    phase: anyPhase,
    run: (session, { message }) => afterLogin(session, message, () => ask(session, message)),
  },
  message: {
    phase: anyPhase,
    cost: 1,
    run: (session, { message }) => afterLogin(session, message, () => pass(session, message)),
  },
};

/** Runs something once the sender of a frame is who has logged in. @throws Fault what {@link speaker} throws */
function afterLogin(
  session: NetworkSession,
  { header }: NetworkMessage,
  run: () => void | Promise<void>,
): void | Promise<void> {
  const entering = speaker(session, header);
  return entering === undefined ? run() : entering.then(run);
}

/** Hands a frame on as it is where its recipient speaks this dialect, else in the core's words (Agent Network §3.1, §4). */
function pass(session: NetworkSession, message: NetworkMessage): void | Promise<void> {
  const { header, raw } = message;
  const { recipientId: to, messageId } = header;
  if (connectedOf(session.services).has(to)) {
    session.inform({ to, messageId, content: sealedContent, raw, sealed: true });
    acknowledge(session, message);
    return undefined;
  }
  mustBeReadable(session, message);
  return acknowledged(session, message, speak(acknowledging(session), message, openOf(session)));
}

/** The session as it says what it acknowledges: that a copy was dropped is told instead. */
function acknowledging(session: NetworkSession): Pick<NetworkSession, "now" | "request" | "publish" | "services"> {
  return {
    services: session.services,
    now: () => session.now(),
    request: (draft, options) => session.request(draft, options),
    publish: (draft) => session.publish({ ...draft, acknowledged: true }),
  };
}

/** What is stored is acknowledged when it is on the disk. */
function acknowledged(session: NetworkSession, message: NetworkMessage, { safe }: Outcome): void | Promise<void> {
  if (safe === undefined) acknowledge(session, message);
  else
    return safe().then(() => {
      acknowledge(session, message);
    });
}

function acknowledge(session: NetworkSession, { header }: NetworkMessage): void {
  session.send(systemEvent(session, "ACK", { messageId: header.messageId }, header));
}

/** Nobody but agents of this dialect can open what is sealed. @throws Fault unsupported, not-found */
function mustBeReadable({ services }: NetworkSession, { header }: NetworkMessage): void {
  const { recipientId: to } = header;
  const kind = topicKind(to);
  if (kind === "broker") throw new Fault("not-found", "the broker is called system here");
  if (!isSealed(header)) return;
  // Before a stranger learns whether the agent is here, and in which dialect.
  if (kind === "agent") services.directory.contacts.mustMeet(header.senderId, to);
  const isAgent = kind === "agent";
  const dialect = isAgent ? services.directory.agent(to)?.dialect : undefined;
  if (isAgent && dialect === undefined && !services.directory.isReachable(to))
    throw new Fault("not-found", `nobody called ${to} is here`);
  const what = isAgent
    ? `${to} ${dialect === undefined ? "is away and has a mailbox" : `speaks ${dialect}`}, and cannot open what is sealed`
    : `what is sealed is for one agent; ${to} has many readers`;
  throw networkFault("unsupported", "ENCRYPTION_ERROR", `${what}; say it in plain words`, {
    recipientId: to,
    ...(isAgent && { dialect: dialect ?? "mailbox" }),
  });
}

/** The first heartbeats of each 10 s are free, further ones cost what a message costs (Agent Network §7.2). */
function heartbeatCost(session: NetworkSession): number {
  const { state, limits } = session;
  const at = session.now();
  if (at - state.heartbeatsSince >= heartbeatWindowMs || at < state.heartbeatsSince) {
    state.heartbeatsSince = at;
    state.heartbeats = 0;
  }
  state.heartbeats += 1;
  return state.heartbeats > limits.networkHeartbeatsMax ? 1 : 0;
}

/** The agent's bucket across its connections; `all` has a slower one beside it (Agent Network §7.1). */
export const speakingRate: SpeakingRate<AgentNetwork> = {
  refusal: "too many messages; send fewer, and this one again",
  buckets(session, command) {
    const { networkRatePerSecond: perSecond, networkRateBurst: burst } = session.limits;
    const own: Bucket = { owner: "agent", rate: { perSecond, burst } };
    return isBroadcast(command) ? [own, ...broadcastBuckets(session)] : [own];
  },
};

function isBroadcast(command: Command): boolean {
  return command.type === "message" && command.message.header.recipientId === everyone;
}

function broadcastBuckets({ limits }: NetworkSession): readonly Bucket[] {
  const { networkBroadcastMs: ms, networkBroadcastBurst: burst } = limits;
  return ms === 0 ? [] : [{ owner: "agent", name: "all", rate: { perSecond: 1_000 / ms, burst } }];
}
