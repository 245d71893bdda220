import { brokerTopic, type Envelope } from "#dialect";
import type { Fields } from "./contents.js";

/** A time as Agent Network writes it: with its zone, so that it is the same for everybody. */
const zoned = /^\d{4}-\d\d-\d\dT.*(?:[zZ]|[+-]\d\d:?\d\d)$/;

/**
 * The sender's time in milliseconds, ours beside it where it is a day off; ours where the sender's cannot be read, which
 * is told as it was sent (protocols §3.10).
 */
export function timeOf(
  { timestamp, received_at: received }: Envelope,
  receivedAt: number,
): { readonly at: number; readonly told: Fields } {
  const at = zoned.test(timestamp) ? Date.parse(timestamp) : NaN;
  const ours = received === undefined ? receivedAt : Date.parse(received);
  if (Number.isNaN(at)) return { at: ours, told: { sentAt: timestamp } };
  return { at, told: received === undefined ? {} : { receivedAt: ours } };
}

/** What the envelope says beside all that, so that nothing is lost in silence (Agent Network §4.5). */
export function restOf(envelope: Envelope): Fields {
  const { original_priority: originalPriority, ...other } = envelope.other ?? {};
  const expiresAt = envelope.expires_at === undefined ? NaN : Date.parse(envelope.expires_at);
  return {
    ...(envelope.in_reply_to !== undefined && { inReplyTo: envelope.in_reply_to }),
    ...(envelope.from_name !== undefined && { fromName: envelope.from_name }),
    ...(envelope.trust !== undefined && envelope.from !== brokerTopic && { trust: envelope.trust }),
    ...(originalPriority !== undefined && { originalPriority }),
    ...(!Number.isNaN(expiresAt) && { expiresAt }),
    ...(envelope.wait_ms !== undefined && { waitMs: envelope.wait_ms }),
    ...(envelope.receipt !== undefined && { receipt: envelope.receipt }),
    ...(envelope.ephemeral !== undefined && { ephemeral: true }),
    ...(envelope.accepts !== undefined && { accepts: envelope.accepts }),
    ...(envelope.parent !== undefined && { parent: envelope.parent }),
    ...(envelope.traceparent !== undefined && { traceparent: envelope.traceparent }),
    ...(envelope.tracestate !== undefined && { tracestate: envelope.tracestate }),
    ...(envelope.hops !== undefined && { hops: envelope.hops }),
    ...(Object.keys(other).length > 0 && { other }),
  };
}
