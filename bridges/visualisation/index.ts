import { defineDialect, hasType } from "#dialect";
import { codecOf } from "./codec.js";
import { announceConfigured } from "./commands/configure.js";
import { authenticate } from "./login.js";
import { limits, settings } from "./options.js";
import { phrasebook } from "./phrasebook.js";
import { refusal } from "./refusal.js";
import { commandTable, speakingRate } from "./session.js";
import { endpointPaths, openState, type ViewerSession, type Visualisation } from "./state.js";
import { drained, leave, serve } from "./streams/serve.js";
import { vocabulary } from "./vocabulary.js";

/** Visualisation as the broker serves it: viewers see agents and their talk, and operators command agents. */
export const visualisation = defineDialect<Visualisation>({
  name: "visualisation",
  title: "Visualisation",
  paths: Object.values(endpointPaths).flat(),
  subprotocols: ["visualisation.v2"],
  recognise: (frame) => hasType(frame, ["handshake"]),
  initialPhase: "greeting",
  silence: {
    ms: ({ visualisationHeartbeatMs, visualisationSilenceMs }) =>
      Math.max(3 * visualisationHeartbeatMs, visualisationSilenceMs),
    closing: { code: 4408, reason: "no sign of life for three heartbeat intervals" },
  },
  limits,
  settings,
  open: openState,
  authenticate,
  codec: codecOf,
  commands: commandTable,
  rate: speakingRate,
  render: {
    variant: () => undefined,
    // What somebody says to a session that commands, and what is no answer, has no words here (Visualisation §1.4).
    event: () => undefined,
  },
  leave,
  drained,
  refuse: refusal,
  serve(service) {
    const endStreams = serve(service);
    const endConfigured = announceConfigured(service, function* ready(): Iterable<ViewerSession> {
      for (const session of service.sessions()) if (session.phase === "ready") yield session;
    });
    return () => {
      endConfigured();
      endStreams();
    };
  },
  phrasebook,
  vocabulary,
});
