/** What an agent decides about its mailbox; what is left out stays as it is, or is the broker's default. */
export interface BoxOptions {
  /** How long a message waits, seconds. */
  readonly keepS?: number;
  /** Messages that wait at most. */
  readonly max?: number;
  /** Their bytes at most. */
  readonly maxBytes?: number;
}

/** A mailbox whose messages come by themselves, also after the agent was away. */
export interface PushMailbox extends BoxOptions {
  readonly mode?: "push";
}

/** A mailbox whose messages the agent takes, and settles when they are handled. Times in milliseconds. */
export interface TakeMailbox extends BoxOptions {
  readonly mode: "take";
  /** Messages that this agent has leased at once; 1 to 1,000. */
  readonly batch?: number;
  /** Handlers of them that run at once. */
  readonly parallel?: number;
  /** About so many tokens come together at most, of four bytes. */
  readonly maxTokens?: number;
  /** For how long a message is this agent's, unless that is extended: which it is while a handler runs. */
  readonly leaseMs?: number;
  /** How long one question to the broker waits for messages. */
  readonly waitMs?: number;
  /** The pause after a handler has failed for the first time; eight times as long with each further one. */
  readonly retryMs?: number;
}

/** `true` is `"push"`; `false`: this agent opens none. */
export type MailboxOption = boolean | "push" | "take" | PushMailbox | TakeMailbox;
