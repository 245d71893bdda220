import { defineDialect, eventsTopic, hasType, topicKind } from "#dialect";
import { arrivalOf, awaitedOf, heard } from "./awaited.js";
import { connectedOf } from "./connected.js";
import {
  begin,
  codecOf,
  encodingOf,
  farewell,
  httpNotes,
  msgpackSubprotocol,
  rawRender,
  socketIoPath,
} from "./encodings/encoding.js";
import { authenticate, welcome } from "./login.js";
import { limits, settings } from "./options.js";
import { phrasebook } from "./phrasebook.js";
import { refusal } from "./refusal.js";
import { commandTable, speakingRate } from "./session.js";
import { openOf, openState, type AgentNetwork } from "./state.js";
import { eventOf } from "./translate-event.js";
import { vocabulary } from "./vocabulary.js";

/** Agent Network as the broker serves it (Agent Network §2). */
export const agentNetwork = defineDialect<AgentNetwork>({
  name: "agent-network",
  title: "Agent Network",
  paths: ["/agent-network/v1/connect", socketIoPath],
  subprotocols: ["agent-network.v1", msgpackSubprotocol],
  httpNotes,
  recognise: (frame) => hasType(frame, ["AUTH"]),
  seals: true,
  initialPhase: "greeting",
  silence: {
    ms: ({ networkHeartbeatMs, networkSilenceMs }) => Math.max(3 * networkHeartbeatMs, networkSilenceMs),
    closing: { code: 4408, reason: "no sign of life for three heartbeat intervals" },
  },
  limits,
  settings,
  open: (hello) => openState(encodingOf(hello), hello.bearer),
  begin,
  authenticate,
  codec: codecOf,
  commands: commandTable,
  rate: speakingRate,
  render: {
    // What is for many is the same for all of them; what is for one may answer what it has asked.
    variant: ({ state: { encoding } }, envelope) =>
      envelope === undefined || topicKind(envelope.to) === "agent" || encoding === "socket-io" ? undefined : encoding,
    event(envelope, meta, session) {
      if (session === undefined) return eventOf(envelope, meta);
      const event = eventOf(envelope, meta, openOf(session));
      heard(session, event);
      return event;
    },
    raw: rawRender,
  },
  greet(session) {
    session.phase = "ready";
    session.state.credential = undefined;
    const agent = session.principal?.agent;
    if (agent !== undefined) connectedOf(session.services).enter(agent, session);
    welcome(session);
  },
  leave(session) {
    farewell(session);
    connectedOf(session.services).leave(session);
    awaitedOf(session.services).forget(session);
  },
  refuse(fault, command, session) {
    session.state.refusedAs = fault.code;
    return refusal(fault, command, session);
  },
  serve: (service) =>
    service.subscribe(eventsTopic, (envelope) => {
      const agent = arrivalOf(envelope);
      if (agent === undefined) return;
      awaitedOf(service.services).arrived(agent, (run) => {
        service.after(0, run);
      });
    }),
  phrasebook,
  vocabulary,
});
