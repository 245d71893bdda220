import type { AgentChatError } from "./error.js";

/** A server of other makers may have any number of codes. */
const codesMax = 64;

/**
 * Errors that nobody listens to: each code is told once, as a warning of the process, so that nothing is lost in
 * silence and nothing ends the process.
 */
export class UnhandledErrors {
  // bound: codesMax · evicts: never, each is told once · owner: UnhandledErrors
  readonly #warned = new Set<string>();

  /** Warns of an error, unless its code was told before. */
  warn({ code, message }: AgentChatError): void {
    if (this.#warned.has(code) || this.#warned.size === codesMax) return;
    this.#warned.add(code);
    process.emitWarning(
      `AgentChatClient: ${code}: ${message}; nobody listens: add client.on("error", (error) => …) to be told of each`,
      { type: "AgentChatWarning", code },
    );
  }
}
