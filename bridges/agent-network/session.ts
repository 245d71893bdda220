import { everyone, type Bucket, type Rules, type SpeakingRate } from "#dialect";
import { logIn, refresh, speaker } from "./login.js";
import { acknowledge, pass } from "./pass.js";
import { ask } from "./question.js";
import type { AgentNetwork, NetworkSession } from "./state.js";
import { systemEvent } from "./system.js";
import type { Command, NetworkMessage } from "./schema.js";

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
    // The price of a question the desk takes.
    cost: ({ message }) => (message.header.messageType === "RESPONSE" ? 1 : 0),
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
