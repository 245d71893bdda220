import type { LostCopies } from "./arrival.js";
import type { Clock } from "./clock.js";
import type { Envelope } from "./envelope.js";
import type { Fault, FaultCode } from "./fault.js";
import { Message } from "./message.js";
import { shownTopic } from "./topic-bytes.js";
import { brokerTopic } from "./topic.js";

/**
 * A fault as an agent is told about it: which message was refused, and why. The code `loop` says that the loop guard
 * has tripped; it refuses no message.
 */
export interface FaultNotice {
  readonly code: FaultCode | "loop";
  readonly message: string;
  /** The id of the message that it is about. */
  readonly inReplyTo?: string | undefined;
  /** More fields for programs, in `content.data`. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The notice of a fault; `about`: the message that was refused. */
export function noticeOf(
  {
    code,
    message,
    detail,
    retryAfterMs,
  }: Pick<Fault, "code" | "message"> & Partial<Pick<Fault, "detail" | "retryAfterMs">>,
  about: { readonly message_id?: string | undefined; readonly to?: string } = {},
): FaultNotice {
  const data = { message, ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }), ...detail };
  return {
    code,
    message,
    inReplyTo: about.message_id,
    data: about.to === undefined ? data : { ...data, to: about.to },
  };
}

/** What the sender of a message for many is told if some of them will never have it (protocols §3.16). */
export function lostNotice(
  { count, code, why }: LostCopies,
  about: { readonly message_id: string; readonly to: string },
): FaultNotice {
  const message = `${String(count)} of those who hear ${about.to} did not get this message: ${why}`;
  return noticeOf({ code, message, detail: { count } }, about);
}

/** Type and content of the inform from `$broker` that carries the notice (ZeroMQ §10.1). */
export function noticeBody({
  code,
  message,
  inReplyTo,
  data,
}: FaultNotice): Pick<Envelope, "type" | "content"> & { in_reply_to?: string } {
  return {
    type: "inform",
    ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
    content: { kind: "fault", message, data: { code, ...data } },
  };
}

/** The notice as a message for one connection or session. */
export function noticeMessage(
  topic: string,
  notice: FaultNotice,
  { clock, newId }: { readonly clock: Clock; readonly newId: () => string },
): Message {
  const now = clock.now();
  const envelope: Envelope = {
    message_id: newId(),
    timestamp: new Date(now).toISOString(),
    from: brokerTopic,
    to: shownTopic(topic),
    priority: "NORMAL",
    ...noticeBody(notice),
    trust: "proved",
  };
  return Message.of(envelope, { topic, receivedAt: now, trust: "proved", origin: undefined });
}

/** The code of a fault notice; undefined if the envelope is not a fault notice of the broker. */
export function noticeCode({ from, content }: Envelope): string | undefined {
  if (from !== brokerTopic || content.kind !== "fault") return undefined;
  const { data } = content;
  return typeof data === "object" && data !== null && "code" in data && typeof data.code === "string"
    ? data.code
    : "internal";
}
