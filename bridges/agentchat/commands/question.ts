import type { Rules } from "#dialect";
import type { AgentChat } from "../state.js";

/** Questions to the broker (AgentChat §13). */
export const questionCommands: Pick<Rules<AgentChat>, "ASK"> = {
  ASK: {
    phase: "ready",
    // The broker's desk takes the price, the same in every dialect: a second one here would count a question twice.
    run(session, { kind, data, msg_id: messageId }) {
      const ref = messageId === undefined ? "" : `,"ref":${JSON.stringify(messageId)}`;
      return session.ask(
        kind,
        data,
        ({ json }) => {
          session.sendFrame(`{"type":"ANSWER","ts":${session.now()},${json.slice(1, -1)}${ref}}`);
        },
        { createsRooms: false }, // CREATE_CHANNEL makes channels, JOIN does not
      );
    },
  },
};
