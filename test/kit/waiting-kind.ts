import { z } from "zod";
import { kind, type Answer, type Kind } from "../../src/desk/kind.js";

/** A kind of question whose answers wait until the test gives them; `nothing` is what there is before. */
export class WaitingKind {
  /** Of each question that was taken, in order: it is aborted when it has to be answered. */
  readonly untils: AbortSignal[] = [];
  readonly row: Kind = kind({
    request: z.strictObject({ wait_ms: z.number().exactOptional() }),
    answer: undefined,
    right: undefined,
    length: () => 0,
    waits: ({ wait_ms: waitMs = 0 }) => waitMs,
    run: (_ask, _fields, until) => this.#answer(until),
  });
  readonly #open: { readonly resolve: (answer: Answer) => void; readonly reject: (why: Error) => void }[] = [];

  /** Answers the oldest question that waits. */
  gives(message: string): void {
    this.#open.shift()?.resolve({ message });
  }

  /** Refuses the oldest question that waits. */
  refuses(why: Error): void {
    this.#open.shift()?.reject(why);
  }

  #answer(until: AbortSignal): Promise<{ readonly message: string }> {
    this.untils.push(until);
    return new Promise((resolve, reject) => {
      const over = (): void => {
        resolve({ message: "nothing" });
      };
      if (until.aborted) over();
      until.addEventListener("abort", over);
      this.#open.push({ resolve, reject });
    });
  }
}
