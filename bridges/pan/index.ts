import { defineDialect, hasType } from "#dialect";
import { codec } from "./codec.js";
import { refusal } from "./errors.js";
import { limits } from "./options.js";
import { phrasebook } from "./phrasebook.js";
import { commands, events } from "./schema.js";
import { commandTable, speakingRate, type Pan } from "./session.js";
import { eventOf } from "./translate.js";

/** PAN v1.0 as the broker serves it (PAN §1). */
export const pan = defineDialect<Pan>({
  name: "pan",
  title: "PAN",
  paths: ["/pan"],
  subprotocols: ["pan.v1"],
  recognise: (frame) => hasType(frame, Object.keys(commands)),
  fallback: true,
  initialPhase: "greeting",
  limits,
  open: () => ({}),
  codec: () => codec,
  commands: commandTable,
  rate: speakingRate,
  render: { variant: () => "", event: eventOf },
  greet(session) {
    session.phase = "ready";
    const rooms = [...session.rooms];
    const inside = rooms.length > 0 && { rooms };
    session.send({ type: "system", status: "success", message: "Welcome to PAN v1.0", ...inside });
  },
  refuse: (fault, command, session) => refusal(fault, command, session.principal !== undefined),
  phrasebook,
  vocabulary: {
    description:
      "PAN v1.0, see bridges/pan/README.md. JSON text, one message per WebSocket message, 64 KiB at most. " +
      "The first is auth, within 5 s; else error AUTH_FAILED and close 1008.",
    commands,
    events,
    refused: "error",
    answers: {
      auth: ["system"],
      chat: [],
      join: ["system", "chat"],
      leave: ["system"],
      list: ["list"],
      ask: ["answer", "chat"],
    },
  },
});
