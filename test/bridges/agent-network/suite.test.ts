import { agentNetwork } from "../../../bridges/agent-network/index.js";
import { plainMessage } from "../../../bridges/agent-network/phrasebook.js";
import type { Frame } from "../../../src/dialect/index.js";
import { conformanceTests } from "../../kit/conformance.js";

interface Told {
  readonly senderId?: string;
  readonly messageType?: string;
  readonly content?: {
    readonly requestId?: string;
    readonly kind?: string;
    readonly data?: unknown;
    readonly error?: object | null;
  };
}

const read = (frame: Frame): Told => JSON.parse(frame.toString()) as Told;

/** The content of the broker's answer to a question. */
const answerIn = (frame: Frame): Told["content"] => {
  const { senderId, messageType, content } = read(frame);
  return senderId === "system" && messageType === "RESPONSE" ? content : undefined;
};

const query = (queryType: string, parameters?: object, requestId = "1"): string =>
  plainMessage("system", "QUERY", { requestId, queryType, ...(parameters && { parameters }) });

conformanceTests({
  dialect: agentNetwork,
  join: (room) => query("ROOM_JOIN", { room }),
  leave: (room) => query("ROOM_LEAVE", { room }),
  joinWithHistory: (room, history) => query("ROOM_JOIN", { room, history }),
  list: () => query("agents.list"),
  senderOf: (frame) => read(frame).senderId,
  questions: {
    ask: (kind, data, id) => query(kind, data, id),
    answerOf(frame) {
      const { requestId: id = "", kind = "", data, error } = answerIn(frame) ?? { error: {} };
      return error === null ? { id, kind, data } : undefined;
    },
    refusedIdOf(frame) {
      const answer = answerIn(frame);
      return answer?.error === null ? undefined : answer?.requestId;
    },
  },
  forged: (to, text, from) => JSON.stringify({ ...read(plainMessage(to, "INFORM", { text })), senderId: from }),
  without: ["shared-token"],
});
