import type { Clock } from "../../../src/core/clock.js";
import { viewerError, type ViewerError } from "./error.js";
import type { Fields } from "./fields.js";

interface OpenCall {
  readonly resolve: (payload: Fields) => void;
  readonly reject: (error: ViewerError) => void;
}

/** What was asked of the broker and is not answered yet, by the `id` of the message (Visualisation §2.2). */
export class Calls {
  readonly #clock: Clock;
  // bound: what the application asks at once · evicts: with the answer, in time, or with the connection · owner: Calls
  readonly #calls = new Map<string, OpenCall>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits for the answer to a message that is sent now.
   * @param what it asks, for people
   * @returns its payload
   * @throws ViewerError what the broker says, TIMEOUT, CONNECTION_FAILED
   */
  wait(id: string, timeoutMs: number, what: string): Promise<Fields> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        cancel();
        this.#calls.delete(id);
      };
      const call: OpenCall = {
        resolve: (payload) => {
          over();
          resolve(payload);
        },
        reject: (error) => {
          over();
          reject(error);
        },
      };
      const cancel = this.#clock.after(timeoutMs, () => {
        call.reject(viewerError("TIMEOUT", `the broker has not answered ${what} within ${String(timeoutMs)} ms`));
      });
      this.#calls.set(id, call);
    });
  }

  answer(id: string | undefined, payload: Fields): void {
    if (id !== undefined) this.#calls.get(id)?.resolve(payload);
  }

  /** @returns false: nobody here has asked this */
  refuse(id: string | undefined, error: ViewerError): boolean {
    const call = id === undefined ? undefined : this.#calls.get(id);
    call?.reject(error);
    return call !== undefined;
  }

  fail(error: ViewerError): void {
    for (const call of [...this.#calls.values()]) call.reject(error);
  }
}
