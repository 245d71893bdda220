import type { Rules } from "#dialect";
import type { AgentChat, ChatSession } from "../state.js";

/** Questions to the broker (AgentChat §13). */
export const questionCommands: Pick<Rules<AgentChat>, "ASK"> = {
  ASK: {
    phase: "ready",
    // The broker's desk takes the price, the same in every dialect: a second one here would count a question twice.
    run: (session, { kind, data, msg_id: messageId }) => askBroker(session, kind, data, messageId),
  },
};

/** Asks the broker; its answer goes out as it is written. @throws Fault why it does not answer */
export function askBroker(
  session: ChatSession,
  kind: string,
  data: Readonly<Record<string, unknown>> | undefined,
  messageId: string | undefined,
): void | Promise<void> {
  const ref = messageId === undefined ? "" : `,"ref":${JSON.stringify(messageId)}`;
  return session.ask(
    kind,
    data,
    ({ json }) => {
      session.sendFrame(`{"type":"ANSWER","ts":${session.now()},${json.slice(1, -1)}${ref}}`);
    },
    { createsRooms: false }, // CREATE_CHANNEL makes channels, JOIN does not
  );
}
