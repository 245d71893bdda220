import { defineDialect } from "#dialect";
import { decode, encode } from "./codec.js";
import { refuse } from "./errors.js";
import type { EchoCommand, EchoEvent } from "./schema.js";
import { charge, greet, open, phases, table, type EchoState } from "./session.js";
import { toEvent } from "./translate.js";

/** The smallest dialect: template for new ones, fixture for tests of the engine. */
export const echo = defineDialect<EchoCommand, EchoEvent, EchoState>({
  name: "echo",
  paths: ["/echo"],
  subprotocols: ["echo.v1"],
  firstTypes: ["login"],
  initialPhase: phases.greeting,
  open,
  codec: () => ({ decode: (frame) => [decode(frame)], encode }),
  commands: table,
  charge,
  greet,
  render: { variant: () => "", event: toEvent },
  refuse,
});
