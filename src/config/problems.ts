import { asFault, Fault } from "../core/index.js";

/** Everything that is wrong at once, so that nobody mends one thing to be told the next. */
export class Problems {
  readonly #faults: Fault[] = [];

  /** Notes a problem: what is wrong, where, and the remedy. */
  note(thrown: unknown): void {
    this.#faults.push(asFault(thrown));
  }

  /** The value, or `otherwise` with its problem noted. */
  attempt<T>(read: () => T, otherwise: T): T {
    try {
      return read();
    } catch (thrown) {
      this.note(thrown);
      return otherwise;
    }
  }

  /** What is wrong, one text each. */
  get texts(): readonly string[] {
    return this.#faults.flatMap(problemsOf);
  }

  /** @throws Fault with the code of the first problem and a line for each; {@link problemsOf} takes them apart again */
  refuse(): void {
    const [first] = this.#faults;
    if (first === undefined) return;
    const problems = this.texts;
    throw new Fault(first.code, problems.join("\n"), { detail: { problems }, cause: first.cause });
  }
}

/** The problems of a refused configuration, one text each; of any other failure its own message. */
export function problemsOf(thrown: unknown): readonly string[] {
  const fault = asFault(thrown);
  const told = fault.detail?.["problems"];
  if (Array.isArray(told)) return told.map(String);
  return [fault.code === "internal" && fault.cause instanceof Error ? fault.cause.message : fault.message];
}
