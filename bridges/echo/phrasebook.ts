import { Fault, type Frame, type Phrasebook } from "#dialect";
import { decodeEvent } from "./codec.js";
import type { EchoEvent } from "./schema.js";

/** How an echo client speaks. */
export const phrasebook: Phrasebook = {
  login: (name, token) => [JSON.stringify({ type: "login", name, ...(token !== undefined && { token }) })],
  welcomed(frame) {
    const event = eventIn(frame);
    return event?.type === "welcome" ? event.name : undefined;
  },
  say: (to, text) => JSON.stringify({ type: "say", to, text }),
  textOf(frame) {
    const event = eventIn(frame);
    return event?.type === "heard" ? event.text : undefined;
  },
  refusalOf(frame) {
    const event = eventIn(frame);
    return event?.type === "refused" ? { code: event.code, message: event.message } : undefined;
  },
  perSecond: 5,
};

function eventIn(frame: Frame): EchoEvent | undefined {
  try {
    return decodeEvent(frame);
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
}
