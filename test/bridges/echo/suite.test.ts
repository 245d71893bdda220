import { echo } from "../../../bridges/echo/index.js";
import { dialectSuite } from "../../kit/dialect-suite.js";

dialectSuite({
  dialect: echo,
  path: "/echo",
  login: (name) => [JSON.stringify({ type: "login", name })],
  command: (type) => JSON.stringify({ type }),
  say: (to, text) => JSON.stringify({ type: "say", to, text }),
  textOf: (frame) => {
    const event = JSON.parse(frame.toString()) as { type: string; text?: string };
    return event.type === "heard" ? event.text : undefined;
  },
  isRefusal: (frame) => (JSON.parse(frame.toString()) as { type: string }).type === "refused",
});
