import { Fault, type Rules, type SpeakingRate } from "#dialect";
import { answer } from "./answers.js";
import { configure } from "./commands/configure.js";
import { execute } from "./commands/execute.js";
import { logIn, refresh } from "./login.js";
import { allows, capabilities, chooseCompression, chooseVersion, featuresOf, positionRateOf } from "./negotiation.js";
import type { CommandOf } from "./schema.js";
import { grantedOf, selectionOf, settle, type Visualisation, type ViewerSession } from "./state.js";
import { outletOf } from "./streams/outlet.js";
import { enter } from "./streams/serve.js";

/** Heartbeats are counted over so long, milliseconds. */
const heartbeatWindowMs = 10_000;

const both = ["greeting", "ready"] as const;

/** When each message may be said and what it does (Visualisation §1, §4, §5). */
export const commandTable: Rules<Visualisation> = {
  handshake: { phase: "greeting", cost: 1, run: shakeHands },
  "version.negotiate": { phase: both, cost: 1, run: negotiateVersion },
  "compression.negotiate": { phase: both, cost: 1, run: negotiateCompression },
  "auth.refresh": { phase: "ready", cost: 1, run: refreshToken },
  "streams.select": { phase: "ready", cost: 1, run: selectStreams },
  "channel.create": {
    phase: "ready",
    cost: 1,
    run(session, command) {
      mustMultiplex(session);
      answer(session, command, { type: "channel.created", ...created(outletOf(session).channels.create(command)) });
    },
  },
  "channel.close": {
    phase: "ready",
    cost: 1,
    run(session, command) {
      mustMultiplex(session);
      const { channelId, via } = command;
      outletOf(session).close(channelId);
      const asked = via === channelId ? { ...command, via: undefined } : command;
      answer(session, asked, { type: "channel.closed", channelId });
    },
  },
  heartbeat: {
    phase: "ready",
    cost: (_heartbeat, session) => heartbeatCost(session),
    run(session, command) {
      if (command.format === "binary") session.send(command);
      else answer(session, command, { type: "heartbeat", ...("payload" in command && { payload: command.payload }) });
    },
  },
  "control.execute": {
    phase: "ready",
    cost: 1,
    run(session, command) {
      mustCommand(session);
      return execute(session, command);
    },
  },
  "control.multi-agent.configure": {
    phase: "ready",
    cost: 1,
    run(session, command) {
      mustCommand(session);
      return configure(session, command);
    },
  },
  error: { phase: "ready", cost: 1, run: () => undefined },
};

async function shakeHands(session: ViewerSession, command: CommandOf<"handshake">): Promise<void> {
  const { state } = session;
  const selected = command.streams && selectionOf(command.streams);
  await logIn(session, command);
  state.asked = new Set(capabilities.filter((word) => command.capabilities.includes(word)));
  select(session, selected, command.positionRate);
  session.phase = "ready";
  const granted = grantedOf(state);
  answer(session, command, {
    type: "handshake_ack",
    sessionId: session.id,
    protocols: state.binary ? ["binary", "json"] : ["json"],
    heartbeatInterval: session.limits.visualisationHeartbeatMs,
    compression: granted.includes("compression") ? "zlib" : null,
    serverTime: new Date(session.now()).toISOString(),
    capabilities: [...granted],
    version: state.version,
    streams: [...state.streams],
    positionRate: state.positionRate,
  });
  enter(session);
}

function negotiateVersion(session: ViewerSession, command: CommandOf<"version.negotiate">): void {
  const { state, principal } = session;
  const version = chooseVersion(command.supported, command.preferred);
  if (state.hasNegotiatedVersion && version !== state.version)
    throw new Fault("malformed", `version ${state.version} is spoken already; for another one open another connection`);
  if (!allows(version, "multiplexing") && state.outlet !== undefined && state.outlet.channels.size > 0)
    throw new Fault("malformed", `version ${version} has no channels, and some are open; close them first`);
  state.version = version;
  state.hasNegotiatedVersion = true;
  if (principal !== undefined) settle(state, principal);
  answer(session, command, { type: "version.selected", version, features: [...featuresOf(version)] });
}

function negotiateCompression(session: ViewerSession, command: CommandOf<"compression.negotiate">): void {
  const { state, principal } = session;
  const chosen = chooseCompression(command.algorithms, command.preferredLevel);
  const granted = allows(state.version, "compression") ? chosen : undefined;
  // What is on its way was compressed by the algorithm before: the answer stands between the two.
  answer(session, command, {
    type: "compression.selected",
    algorithm: granted?.algorithm ?? null,
    level: granted?.level ?? null,
  });
  state.chosen = chosen;
  if (principal !== undefined) settle(state, principal);
}

async function refreshToken(session: ViewerSession, command: CommandOf<"auth.refresh">): Promise<void> {
  const { expiresAt } = await refresh(session, command.token);
  answer(session, command, {
    type: "auth.refreshed",
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
  });
  enter(session);
}

function selectStreams(session: ViewerSession, command: CommandOf<"streams.select">): void {
  const { state } = session;
  select(session, selectionOf(command.streams), command.positionRate);
  answer(session, command, {
    type: "streams.selected",
    streams: [...state.streams],
    positionRate: state.positionRate,
  });
  enter(session);
}

function select(session: ViewerSession, selected: ReturnType<typeof selectionOf> | undefined, rate?: number): void {
  const { state, principal } = session;
  state.selected = selected;
  if (rate !== undefined) state.positionRate = positionRateOf(rate);
  if (principal !== undefined) settle(state, principal);
}

function created(grant: ReturnType<ReturnType<typeof outletOf>["channels"]["create"]>) {
  return { ...grant, streams: [...grant.streams] };
}

/** @throws Fault unsupported */
function mustMultiplex({ state }: ViewerSession): void {
  if (!state.multiplexing)
    throw new Fault(
      "unsupported",
      "channels are not granted here: ask for capabilities [multiplexing] in the handshake, and speak version 2.0",
    );
}

/** @throws Fault unsupported */
function mustCommand({ state: { endpoint } }: ViewerSession): void {
  if (endpoint !== "control" && endpoint !== "all")
    throw new Fault("unsupported", "commands are taken at /api/control/ws; open a connection there");
}

/** The first heartbeats of each 10 s are free, further ones cost what a message costs (Visualisation §1.8). */
function heartbeatCost(session: ViewerSession): number {
  const { state, limits } = session;
  const at = session.now();
  if (at - state.heartbeatsSince >= heartbeatWindowMs || at < state.heartbeatsSince) {
    state.heartbeatsSince = at;
    state.heartbeats = 0;
  }
  state.heartbeats += 1;
  return state.heartbeats > limits.visualisationHeartbeatsMax ? 1 : 0;
}

/** A bucket for each connection: viewers are nobody (Visualisation §1.9). */
export const speakingRate: SpeakingRate<Visualisation> = {
  refusal: "too many messages; send fewer, and this one again",
  buckets: ({ limits: { visualisationRatePerSecond: perSecond, visualisationRateBurst: burst } }) => [
    { owner: "connection", rate: { perSecond, burst } },
  ],
};
