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

/** A beginning that is shorter may be anything. */
const beginningMin = 3;
/** Of names that begin so, no more are told. */
const toldMax = 3;

/**
 * The known name that was probably meant: it differs only in `_` and capitals, or in one letter that is missing, added
 * or changed; else those that begin so.
 */
export function similar(name: string, known: readonly string[]): string | undefined {
  const said = bare(name);
  const one = known.find((each) => bare(each) === said) ?? known.find((each) => isOneOff(bare(each), said));
  if (one !== undefined || said.length < beginningMin) return one;
  const longer = known.filter((each) => bare(each).startsWith(said)).slice(0, toldMax);
  return longer.length === 0 ? undefined : longer.join(" or ");
}

function bare(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** True if the two differ in one letter that is missing, added or changed. */
function isOneOff(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  return long.slice(at + 1) === short.slice(short.length === long.length ? at + 1 : at);
}
