/** What was erased of a user. */
export interface Forgotten {
  /** The agents that it was known as. */
  readonly agents: readonly string[];
  /** Sessions that were closed before. */
  readonly sessions: number;
  /** Names that it had taken with another issuer's token. */
  readonly bindings: readonly string[];
  /** Names that were remembered as proved. */
  readonly proved: readonly string[];
  /** Contacts that it had. */
  readonly contacts: number;
  /** Names that were remembered as agents with listed contacts. */
  readonly remembered: readonly string[];
  /** Names that have a mailbox, which stays, with what is in it. */
  readonly mailboxes: readonly string[];
}

/**
 * Erases what is kept of a user. Resolves when that is on the disk.
 * @param user an agent's name, or an issuer and its subject: `issuer#sub`
 * @param by who asks for it
 * @throws Fault malformed, not-found, unavailable, as rejections
 */
export type Forget = (user: string, by: string) => Promise<Forgotten>;
