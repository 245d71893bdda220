/**
 * Thrown by a handler of an agent that takes its messages: this message is nothing for it. It does not come again, and
 * its sender is told the reason.
 * @example
 * agent.onRequest(() => {
 *   throw new Refuse("only prices are known here");
 * });
 */
export class Refuse extends Error {
  /** For the sender; 256 characters at most. */
  readonly reason: string | undefined;

  constructor(reason?: string) {
    super(reason ?? "refused");
    this.name = "Refuse";
    this.reason = reason;
  }
}
