import { echo } from "../../../bridges/echo/index.js";
import { conformanceTests } from "../../kit/conformance.js";

conformanceTests({
  dialect: echo,
  command: (type) => JSON.stringify({ type }),
  join: (room) => JSON.stringify({ type: "join", room }),
  leave: (room) => JSON.stringify({ type: "leave", room }),
  joinWithHistory: (room, history) => JSON.stringify({ type: "join", room, history }),
  list: () => JSON.stringify({ type: "list" }),
  senderOf: (frame) => (JSON.parse(frame.toString()) as { from?: string }).from,
  forged: (to, text, from) => JSON.stringify({ type: "say", to, text, from }),
});
