import type { Dialect } from "#dialect";
import { codec } from "./codec.js";
import { channelCommands } from "./commands/channel.js";
import { identityCommands, welcome } from "./commands/identify.js";
import { messageCommands } from "./commands/message.js";
import { refusal } from "./errors.js";
import { negotiationCommands } from "./negotiation/commands.js";
import type { Event } from "./events.js";
import { charge, forgetRate } from "./rate.js";
import { commands, type Command } from "./schema.js";
import type { State } from "./state.js";
import { eventOf } from "./translate.js";

/** The dialect AgentChat (AgentChat §1–7): channels, direct messages, identities, negotiation. */
export const dialect: Dialect<Command, Event, State> = {
  name: "agentchat",
  paths: ["/agentchat"],
  subprotocols: ["agentchat.v1"],
  firstTypes: Object.keys(commands),
  initialPhase: "greeting",
  loginMs: 30_000,
  open: () => ({ key: undefined, name: "", identified: 0, challenge: undefined, echo: true }),
  codec: () => codec,
  commands: {
    ...identityCommands,
    ...channelCommands,
    ...messageCommands,
    ...negotiationCommands,
  },
  charge,
  render: { variant: () => "", event: eventOf },
  /** What one says in a channel comes back (AgentChat §5.2), unless IDENTIFY said no. */
  wants: ({ to }, { state }, own) => !own || !to.startsWith("#") || state.echo,
  greet: welcome,
  leave: forgetRate,
  refuse: (fault, said, session) => refusal(fault, said, session.now()),
};
