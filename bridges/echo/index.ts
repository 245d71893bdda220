import { defineDialect, hasType } from "#dialect";
import { decode, encode } from "./codec.js";
import { refuse } from "./errors.js";
import { limits } from "./options.js";
import { phrasebook } from "./phrasebook.js";
import { commands, events } from "./schema.js";
import { greet, open, rate, table, type Echo } from "./session.js";
import { toEvent } from "./translate.js";

/** The smallest dialect: template for new ones, fixture for tests of the engine. */
export const echo = defineDialect<Echo>({
  name: "echo",
  title: "Echo",
  paths: ["/echo"],
  subprotocols: ["echo.v1"],
  recognise: (frame) => hasType(frame, ["login"]),
  initialPhase: "greeting",
  limits,
  open,
  codec: () => ({ decode: (frame) => [decode(frame)], encode }),
  commands: table,
  rate,
  greet,
  render: { variant: () => "", event: toEvent },
  refuse,
  phrasebook,
  vocabulary: {
    description: "Echo, see bridges/echo/README.md. JSON text, one message per WebSocket message. The first is login.",
    commands,
    events,
    refused: "refused",
    answers: { login: ["welcome"], echo: ["echo"], say: [], join: ["joined"], leave: ["left"], list: ["agents"] },
  },
});
