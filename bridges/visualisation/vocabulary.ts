import type { Vocabulary } from "#dialect";
import { events } from "./events.js";
import { commands } from "./schema.js";

/** Everything that can be said and heard as JSON (Visualisation §1–6). */
export const vocabulary: Vocabulary = {
  description:
    "Visualisation, see bridges/visualisation/README.md: at /api/visualisation/agents/ws (or /agents/ws) agents, at " +
    "/api/graph/ws their talk, at /api/control/ws commands; at / all of it. JSON text, one message per WebSocket " +
    'message, 64 KiB at most. The first is handshake, within 5 s. A message in a channel is {"channel", "sequence", ' +
    '"message"}. Where binary is granted, agent.positions, agent.state.changed, agent.performance.update and ' +
    "coordination.* come as binary frames instead, and heartbeat and error may be binary: AGNT, u8 type, u8 flags, " +
    "u16 length, payload, all big-endian. Compressed batches hold such frames, or JSON messages with a line feed each.",
  commands,
  events,
  refused: "error",
  answers: {
    handshake: ["handshake_ack"],
    "version.negotiate": ["version.selected"],
    "compression.negotiate": ["compression.selected"],
    "auth.refresh": ["auth.refreshed"],
    "streams.select": ["streams.selected"],
    "channel.create": ["channel.created"],
    "channel.close": ["channel.closed"],
    heartbeat: ["heartbeat"],
    "control.execute": ["control.result"],
    "control.multi-agent.configure": ["control.multi-agent.configured"],
    error: [],
  },
};
