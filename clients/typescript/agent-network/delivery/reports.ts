/** Why a message was given up (Agent Network §12.2). */
export const deliveryFailures = [
  "no-receipt",
  "expired",
  "other-dialect",
  "not-approved",
  "invalid",
  "not-sealed",
  "refused",
] as const;

/** One word of {@link deliveryFailures}. */
export type DeliveryFailure = (typeof deliveryFailures)[number];

/**
 * How far a message is. `kept`: on disk, where there is one. `waiting`: for its recipient or for a key. `sent`: on the
 * line, maybe not for the first time. `delivered` and `failed` are its end.
 */
export type DeliveryState = "kept" | "waiting" | "sent" | "delivered" | "failed";

/** What the application is told of a message of its own: each time its state changes. */
export interface DeliveryReport {
  readonly messageId: string;
  readonly recipientId: string;
  readonly conversationId: string;
  readonly state: DeliveryState;
  /** Why it has failed. */
  readonly reason?: DeliveryFailure;
  /** For people: what it waits for, or why it has failed; names the remedy. */
  readonly message?: string;
  /** Milliseconds since it was kept; of what has ended. */
  readonly tookMs?: number;
}

/** Why a message is not taken at all: nothing of it is kept. */
export class NotTaken extends Error {
  override readonly name = "NotTaken";

  /** @param kind `full`: too much waits; `repeated`: its id waits already; `closed`: the outbox is not open */
  constructor(
    readonly kind: "full" | "repeated" | "closed",
    message: string,
  ) {
    super(message);
  }
}
