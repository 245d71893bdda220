import { brokerTopic, Message, type Envelope, type Fault, type FaultCode } from "../core/index.js";
import type { LocalContext } from "./context.js";

/** A fault that an agent is told of: about which message, and why. */
export interface FaultNotice {
  readonly code: FaultCode;
  readonly message: string;
  readonly inReplyTo?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
}

/** What a notice says about a message that was refused. */
export function noticeOf({ code, message, detail, retryAfterMs }: Fault, about: { readonly message_id?: string | undefined; readonly to: string }): FaultNotice {
  return { code, message, inReplyTo: about.message_id, retryAfterMs, detail: { ...detail, to: about.to } };
}

/** The notice as the broker's own inform (protocols §2, faults). */
export function noticeBody({ code, message, inReplyTo, detail, retryAfterMs }: FaultNotice): Pick<Envelope, "type" | "content"> & { in_reply_to?: string } {
  return {
    type: "inform",
    ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
    content: { kind: "fault", message, data: { code, message, ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }), ...detail } },
  };
}

/** The notice as a message for one connection. */
export function noticeMessage(topic: string, notice: FaultNotice, { clock, newId }: Pick<LocalContext, "clock" | "newId">): Message {
  const now = clock.now();
  const envelope: Envelope = {
    message_id: newId(),
    timestamp: new Date(now).toISOString(),
    from: brokerTopic,
    to: topic,
    priority: "NORMAL",
    ...noticeBody(notice),
    trust: "proved",
  };
  return Message.of(envelope, { topic, receivedAt: now, trust: "proved", origin: undefined });
}
