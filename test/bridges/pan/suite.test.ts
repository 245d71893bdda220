import { pan } from "../../../bridges/pan/index.js";
import type { Frame } from "../../../src/dialect/index.js";
import { conformanceTests } from "../../kit/conformance.js";

interface Told {
  readonly type: string;
  readonly kind?: string;
  readonly data?: unknown;
  readonly replyTo?: string;
  readonly messageId?: string;
}

const read = (frame: Frame): Told => JSON.parse(frame.toString()) as Told;

conformanceTests({
  dialect: pan,
  command: (type) => JSON.stringify({ type }),
  join: (room) => JSON.stringify({ type: "join", room }),
  leave: (room) => JSON.stringify({ type: "leave", room }),
  joinWithHistory: (room, history) => JSON.stringify({ type: "join", room, history }),
  list: () => JSON.stringify({ type: "list" }),
  senderOf: (frame) => (JSON.parse(frame.toString()) as { from?: string }).from,
  questions: {
    ask: (kind, data, messageId) => JSON.stringify({ type: "ask", kind, data, messageId }),
    answerOf(frame) {
      const { type, replyTo: id = "", kind = "", data } = read(frame);
      return type === "answer" ? { id, kind, data } : undefined;
    },
    refusedIdOf(frame) {
      const { type, messageId } = read(frame);
      return type === "error" ? messageId : undefined;
    },
  },
  forged: (to, text, from) => JSON.stringify({ type: "chat", to, text, from }),
});
