import { errorCode } from "./error-words.js";
import type { Outgoing } from "./outbox-line.js";

/** A line of the outbox that was said, and what came against it. */
export class SentLine {
  readonly #type: Outgoing["type"];
  readonly #id: string;
  #failure: Error | undefined;

  /** @param id of a message */
  constructor(type: Outgoing["type"], id: string) {
    this.#type = type;
    this.#id = id;
  }

  /** Why it was not taken, or why that is not known; undefined if nothing came against it. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Something came against it. */
  hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** It failed; what was first counts. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** Fails it if a refusal that answers no call is one of it. @returns whether it is */
  refuse(error: Error): boolean {
    const ref = refOf(error);
    // Servers of other makers give no ref: what answers no call is about the one message under way, unless it says that
    // something could not be read, by whichever side.
    if (
      this.#type !== "MSG" ||
      !(ref === undefined ? errorCode(error) !== "INVALID_MSG" : ref === this.#id || ref === "MSG")
    )
      return false;
    this.fail(error);
    return true;
  }
}

/** The id or type of what was refused, as the server said it; undefined if it said none. */
export function refOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "ref" in thrown && typeof thrown.ref === "string" ? thrown.ref : undefined;
}
