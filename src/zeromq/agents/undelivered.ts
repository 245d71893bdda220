import { noticeOf, notThere, type Message } from "../../core/index.js";
import type { ZmtpPeer } from "../wire/index.js";
import type { Faults } from "./faults.js";
import type { Undelivered } from "./grace.js";

/** True if a message came over ZeroMQ, from this connection. */
export function isZmtpPeer(origin: object | undefined): origin is ZmtpPeer {
  return origin !== undefined && "mechanism" in origin && "isLocal" in origin;
}

/** Tells whoever asked that a held request reached nobody; what is no request is only counted. */
export function tellUndelivered(message: Message, why: Undelivered, faults: Faults): void {
  const { envelope, origin, topic } = message;
  if (envelope?.type !== "request" || origin === undefined) return;
  const notice = noticeOf({ code: why, message: words(why, topic) }, { message_id: envelope.message_id, to: topic });
  if (isZmtpPeer(origin)) faults.tell(envelope.from, notice, origin);
  else faults.tellSession(envelope.from, notice);
}

function words(why: Undelivered, topic: string): string {
  if (why === "full") return `${topic} is away for a moment and no more can be held for it; send again when it is back`;
  return why === "timeout" ? `the request had expired (expires_at) before ${topic} was back` : notThere(topic);
}
