import type { MsgEvent, NegotiationEvent } from "../../../bridges/agentchat/events.js";
import type { PresenceEvent } from "./chat.js";
import { harmless } from "./harmless.js";

/** Colours a word, or leaves it as it is where there is no terminal. */
export type Paint = (style: Style, text: string) => string;

type Style = keyof typeof styles;

/** SGR parameters, on and off (ECMA-48 §8.3.117); Node's own styleText asks a stream, in some versions. */
const styles = { cyan: [36, 39], green: [32, 39], yellow: [33, 39], red: [31, 39], dim: [2, 22] } as const;

/** Colours for a stream that is a terminal and wants them (NO_COLOR, TERM=dumb). */
export function painter(terminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const colours = terminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return colours
    ? (style, text) => `\u001b[${styles[style][0]}m${text}\u001b[${styles[style][1]}m`
    : (_style, text) => text;
}

/** A message as a person reads it. */
export function messageLine({ from, from_name: name, to, content, verified, replay }: MsgEvent, paint: Paint): string {
  const where = to.startsWith("#") ? paint("cyan", harmless(to)) : paint("yellow", "direct");
  const doubt = verified === false ? paint("red", " (its signature does not verify)") : "";
  return `${where} ${replay === true ? paint("dim", "(earlier) ") : ""}${speaker(name, from, paint)}${doubt}: ${harmless(content)}`;
}

/** Who came, who went. */
export function presenceLine({ type, channel, agent }: PresenceEvent, paint: Paint): string {
  return paint("dim", `${harmless(channel)} ${harmless(agent)} ${type === "AGENT_JOINED" ? "joined" : "left"}`);
}

/** A step of an agreement. */
export function negotiationLine(step: NegotiationEvent, paint: Paint): string {
  const { type, proposal_id: id, from, to, status, task, amount, currency, reason, proof } = step;
  const what = [task, amount, currency, reason, proof].filter((part) => part !== undefined).join(" ");
  return `${paint("yellow", type.toLowerCase())} ${harmless(id)} ${harmless(from)} to ${harmless(to)}${what === "" ? "" : `: ${harmless(what)}`} (${harmless(status)})`;
}

function speaker(name: string, id: string, paint: Paint): string {
  const own = paint("green", harmless(id));
  return `@${name}` === id || name === "" ? own : `${harmless(name)} ${own}`;
}
