import { Fault, asFault } from "../core/index.js";

/** Collects everything that is wrong with a configuration, so that one start tells all of it. */
export class Problems {
  readonly #faults: Fault[] = [];

  /** Adds a problem: what is wrong, where, and the remedy. */
  note(thrown: unknown): void {
    this.#faults.push(asFault(thrown));
  }

  /** The value that `read` returns; `otherwise` if it throws, and what it threw is added. */
  attempt<T>(read: () => T, otherwise: T): T {
    try {
      return read();
    } catch (thrown) {
      this.note(thrown);
      return otherwise;
    }
  }

  /** One text for each problem. */
  get texts(): readonly string[] {
    return this.#faults.flatMap(problemsOf);
  }

  /**
   * Does nothing if there is no problem.
   * @throws Fault with the code of the first problem and a line for each; {@link problemsOf} gets the lines back
   */
  throwIfAny(): void {
    const [first] = this.#faults;
    if (first === undefined) return;
    const problems = this.texts;
    throw new Fault(first.code, problems.join("\n"), { detail: { problems }, cause: first.cause });
  }
}

/** The problems of a configuration that was refused, one text each; for any other error its message. */
export function problemsOf(thrown: unknown): readonly string[] {
  const fault = asFault(thrown);
  const told = fault.detail?.["problems"];
  if (Array.isArray(told)) return told.map(String);
  return [fault.code === "internal" && fault.cause instanceof Error ? fault.cause.message : fault.message];
}
