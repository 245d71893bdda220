import type { Envelope } from "../core/index.js";
import type { Paint } from "./agentchat/painter.js";
import { untrustedText } from "./agentchat/harmless.js";
import { jsonLine } from "./output.js";

/** A message as one line of JSON, with the keys that it has on the wire. */
export function wireLine({ other, ...fields }: Envelope): string {
  return jsonLine({ ...other, ...fields });
}

/** A message as a person reads it: local time, who to whom, what it is, its text. */
export function personLine(
  { timestamp, received_at: received, from, to, type, content, replay }: Envelope,
  paint: Paint,
): string {
  const kind = content.kind === undefined ? "" : ` ${paint("dim", `[${untrustedText(content.kind)}]`)}`;
  const what = paint("dim", `${type}${replay === true ? " (again)" : ""}`);
  const receiver = paint(to.startsWith("#") ? "cyan" : "yellow", untrustedText(to));
  return `${paint("dim", clockTime(received ?? timestamp))} ${paint("green", untrustedText(from))} → ${receiver} ${what}${kind}: ${untrustedText(content.message)}`;
}

/** `12:34:56.789` here, of an ISO 8601 time. */
function clockTime(timestamp: string): string {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return untrustedText(timestamp);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
