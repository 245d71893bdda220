import { brokerTopic, Message, type Envelope } from "../core/index.js";
import type { BridgeContext } from "./context.js";

/** What a fault notice says: `code` is a fault's code, or `loop`. */
export interface Notice {
  readonly code: string;
  readonly message: string;
  readonly inReplyTo?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The part of a fault notice that does not depend on who hears it (protocols §2, faults). */
export function noticeBody({ code, message, inReplyTo, data }: Notice): Pick<Envelope, "type" | "content"> & { in_reply_to?: string } {
  return {
    type: "inform",
    content: { message, kind: "fault", data: { code, ...data } },
    ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
  };
}

/** A fault notice of the broker's own as a message for one session. */
export function noticeMessage(to: string, notice: Notice, { clock, newId }: Pick<BridgeContext, "clock" | "newId">): Message {
  const now = clock.now();
  const envelope: Envelope = {
    message_id: newId(),
    timestamp: new Date(now).toISOString(),
    from: brokerTopic,
    to,
    priority: "NORMAL",
    ...noticeBody(notice),
    trust: "proved",
  };
  return Message.of(envelope, { topic: to, receivedAt: now, trust: "proved", origin: undefined });
}

/** The code of a fault notice; undefined if the envelope is none of the broker's. */
export function noticeCode({ from, content }: Envelope): string | undefined {
  if (from !== brokerTopic || content.kind !== "fault") return undefined;
  const { data } = content;
  return typeof data === "object" && data !== null && "code" in data && typeof data.code === "string" ? data.code : "internal";
}
