import type { Dialect } from "#dialect";
import { codec } from "./codec.js";
import { refusal } from "./errors.js";
import type { Command, Event } from "./schema.js";
import { commandTable, type State } from "./session.js";
import { eventOf } from "./translate.js";

/** PAN v1.0 (PAN §1–6): paths, commands, rendering, refusals. */
export const dialect: Dialect<Command, Event, State> = {
  name: "pan",
  paths: ["/pan"],
  subprotocols: ["pan.v1"],
  firstTypes: ["auth", "chat", "join", "leave", "list"],
  fallback: true,
  initialPhase: "greeting",
  open: () => ({}),
  codec: () => codec,
  commands: commandTable,
  render: { variant: () => "", event: eventOf },
  greet(session) {
    session.phase = "ready";
    session.send({ type: "system", status: "success", message: "Welcome to PAN v1.0" });
  },
  refuse: (fault, command, session) =>
    refusal(fault, command?.type === "chat" ? command.messageId : undefined, session.principal !== undefined),
};
