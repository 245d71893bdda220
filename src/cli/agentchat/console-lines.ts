import type { MsgEvent, NegotiationEvent } from "../../../bridges/agentchat/events.js";
import type { PresenceEvent } from "./chat.js";
import { untrustedText } from "./harmless.js";
import type { Paint } from "./painter.js";

/** A message as a person reads it. */
export function messageLine({ from, from_name: name, to, content, verified, replay }: MsgEvent, paint: Paint): string {
  const where = to.startsWith("#") ? paint("cyan", untrustedText(to)) : paint("yellow", "direct");
  const doubt = verified === false ? paint("red", " (its signature does not verify)") : "";
  return `${where} ${replay === true ? paint("dim", "(earlier) ") : ""}${speaker(name, from, paint)}${doubt}: ${untrustedText(content)}`;
}

/** Who came, who went. */
export function presenceLine({ type, channel, agent }: PresenceEvent, paint: Paint): string {
  return paint("dim", `${untrustedText(channel)} ${untrustedText(agent)} ${type === "AGENT_JOINED" ? "joined" : "left"}`);
}

/** A step of an agreement. */
export function negotiationLine(step: NegotiationEvent, paint: Paint): string {
  const { type, proposal_id: id, from, to, status, task, amount, currency, reason, proof } = step;
  const what = [task, amount, currency, reason, proof].filter((part) => part !== undefined).join(" ");
  return `${paint("yellow", type.toLowerCase())} ${untrustedText(id)} ${untrustedText(from)} to ${untrustedText(to)}${what === "" ? "" : `: ${untrustedText(what)}`} (${untrustedText(status)})`;
}

function speaker(name: string, id: string, paint: Paint): string {
  const own = paint("green", untrustedText(id));
  return `@${name}` === id || name === "" ? own : `${untrustedText(name)} ${own}`;
}
