import { defineDialect, hasType } from "#dialect";
import { codec } from "./codec.js";
import { channelCommands } from "./commands/channel.js";
import { identityCommands, welcome } from "./commands/identify.js";
import { messageCommands, seenOf } from "./commands/message.js";
import { questionCommands } from "./commands/question.js";
import { isDisplaced, refusal } from "./errors.js";
import { events } from "./events.js";
import { negotiationCommands, proposalsOf } from "./negotiation/commands.js";
import { limits, settings } from "./options.js";
import { phrasebook } from "./phrasebook.js";
import { commands } from "./schema.js";
import type { AgentChat } from "./state.js";
import { eventOf } from "./translate.js";

/** AgentChat as the broker serves it (AgentChat §1): channels, direct messages, identities, negotiation. */
export const agentchat = defineDialect<AgentChat>({
  name: "agentchat",
  title: "AgentChat",
  paths: ["/agentchat"],
  subprotocols: ["agentchat.v1"],
  recognise: (frame) => hasType(frame, Object.keys(commands)),
  initialPhase: "greeting",
  loginMs: 30_000,
  limits,
  settings,
  open: () => ({ key: undefined, name: "", identified: 0, challenge: undefined, echo: true, mailbox: undefined }),
  codec: () => codec,
  commands: {
    ...identityCommands,
    ...channelCommands,
    ...messageCommands,
    ...negotiationCommands,
    ...questionCommands,
  },
  rate: {
    refusal: "Too many messages; slow down.",
    /** A bucket for each connection, as in the original. */
    buckets: ({ limits: { agentchatRatePerSecond: perSecond, agentchatBurst: burst } }) => [
      { owner: "connection", rate: { perSecond, burst } },
    ],
  },
  render: {
    variant: () => "",
    event: (envelope, meta) => eventOf(envelope, meta, (id) => proposalsOf(meta.services).get(id)),
  },
  /** What one says in a channel comes back (AgentChat §5), unless IDENTIFY said no. */
  wants: ({ to }, { state }, own) => !own || !to.startsWith("#") || state.echo,
  greet: welcome,
  serve({ services }) {
    // Read while nobody is here: tens of thousands of rows would hold everybody up later (protocols §0.11).
    proposalsOf(services);
    seenOf(services);
    return () => undefined;
  },
  refuse(fault, said, session) {
    // Clients of other makers know it by a frame of its own (AgentChat §3.6).
    if (isDisplaced(fault)) session.send({ type: "SESSION_DISPLACED", ts: session.now(), reason: fault.message });
    return refusal(fault, said, session.now());
  },
  phrasebook,
  vocabulary: {
    description:
      "AgentChat, see bridges/agentchat/README.md. JSON text, one message per WebSocket message or up to 64 on " +
      "lines of their own, 64 KiB at most. The first is IDENTIFY, within 30 s.",
    commands,
    events,
    refused: "ERROR",
    answers: {
      IDENTIFY: ["WELCOME", "CHALLENGE"],
      VERIFY_IDENTITY: ["VERIFY_SUCCESS", "WELCOME"],
      JOIN: ["JOINED", "MSG"],
      LEAVE: ["LEFT"],
      MSG: ["MSG"],
      LIST_CHANNELS: ["CHANNELS"],
      LIST_AGENTS: ["AGENTS"],
      CREATE_CHANNEL: ["JOINED"],
      INVITE: [],
      PING: ["PONG"],
      PROPOSAL: ["PROPOSAL"],
      ACCEPT: ["ACCEPT"],
      REJECT: ["REJECT"],
      COMPLETE: ["COMPLETE"],
      DISPUTE: ["DISPUTE"],
      ASK: ["ANSWER", "MSG"],
    },
  },
});
