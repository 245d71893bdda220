/** A question's fields, by the names that they have on the wire (`invite_only`, `wait_ms`). */
export type QuestionData = Readonly<Record<string, unknown>>;

/** How long an answer is waited for. */
export interface AskOptions {
  /** Milliseconds; the client's `answerTimeoutMs` if nothing is said, and as much more as `data.wait_ms` says. */
  readonly timeoutMs?: number;
}

/** How long to wait for the answer to a question: one that may wait itself (`wait_ms`) is waited for longer. */
export function askTimeoutMs(data: QuestionData | undefined, { timeoutMs }: AskOptions, usualMs: number): number {
  const wait = data?.["wait_ms"];
  return timeoutMs ?? usualMs + (typeof wait === "number" && wait > 0 ? wait : 0);
}
