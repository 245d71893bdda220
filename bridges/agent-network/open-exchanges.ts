/** What one session has asked agents of other dialects, and what they have asked it (Agent Network §4.1). */
export class OpenExchanges {
  // bound: exchangesMax · evicts: the oldest · owner: OpenExchanges
  readonly #asked = new Map<string, string>();

  /** The session is asked by a message of this id. */
  isAsked(peer: string, messageId: string): void {
    if (this.#asked.size >= exchangesMax)
      for (const oldest of this.#asked.keys()) {
        this.#asked.delete(oldest);
        break;
      }
    this.#asked.set(messageId, peer);
  }

  /** True if an answer to this message is one to a question of `peer`. */
  isQuestionOf(peer: string, messageId: string): boolean {
    return this.#asked.get(messageId) === peer;
  }
}

/** Questions of one session that are remembered. */
const exchangesMax = 256;
