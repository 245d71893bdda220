import { Fault } from "#dialect";

/** Commands of one session that are remembered (Visualisation §5.3). */
export const rememberedMax = 1_000;
/** What their answers hold together, characters; of older ones only that they were given is remembered. */
export const rememberedMaxLength = 256 * 1024;
/** Repetitions of commands under way that wait for the answer, in one session. */
export const repeatedMax = 100;

/** Where an answer goes. */
export interface Place {
  /** The channel that the command came in. */
  readonly channel: string | undefined;
  /** What the answer has as `metadata.correlationId`. */
  readonly correlationId: string;
}

/** What a command was answered. */
export interface Answer {
  readonly type: "control.result" | "control.multi-agent.configured" | "error";
  /** `payload`, as JSON. */
  readonly payload: string;
}

type Remembered =
  | { readonly phase: "under way"; readonly places: Place[] }
  | { readonly phase: "answered"; readonly answer: Answer }
  /** Its answer made room for newer ones. */
  | { readonly phase: "forgotten" };

/**
 * What the commands of one session were answered, by their ids: what comes twice is done once, and answered twice.
 */
export class Answers {
  // bound: rememberedMax ids of 256 characters, their answers rememberedMaxLength · evicts: the oldest answered one for a
  // new one · owner: Answers
  readonly #all = new Map<string, Remembered>();
  #length = 0;
  #underWay = 0;
  #repeated = 0;

  /** Commands that are under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /**
   * A command has come.
   * @returns undefined: it is new; else what was answered to it, or that its answer will come at `place`, too
   * @throws Fault conflict (it was answered, but that is not remembered any more), full
   */
  repeated(id: string, place: Place): Answer | "under way" | undefined {
    const known = this.#all.get(id);
    if (known === undefined) return undefined;
    if (known.phase === "answered") return known.answer;
    if (known.phase === "forgotten")
      throw new Fault("conflict", "this id was executed and answered before; send a new command under a new id");
    if (this.#repeated >= repeatedMax)
      throw new Fault("full", `${String(repeatedMax)} repetitions wait for an answer already; wait for it`);
    this.#repeated += 1;
    known.places.push(place);
    return "under way";
  }

  /** A new command is under way. */
  begin(id: string, place: Place): void {
    if (this.#all.size >= rememberedMax) this.#forgetOldest();
    this.#all.set(id, { phase: "under way", places: [place] });
    this.#underWay += 1;
  }

  /**
   * It is answered.
   * @param isOver false: nothing was executed, and the same id may be said again
   * @returns where the answer is to be told
   */
  settle(id: string, answer: Answer, isOver: boolean): readonly Place[] {
    const known = this.#all.get(id);
    if (known?.phase !== "under way") return [];
    this.#underWay -= 1;
    this.#repeated -= known.places.length - 1;
    this.#all.delete(id); // it is the newest from now on
    if (!isOver) return known.places;
    const fits = answer.payload.length <= rememberedMaxLength;
    this.#all.set(id, fits ? { phase: "answered", answer } : { phase: "forgotten" });
    if (fits) this.#length += answer.payload.length;
    for (const [other, remembered] of this.#all) {
      if (this.#length <= rememberedMaxLength) break;
      if (remembered.phase !== "answered") continue;
      this.#length -= remembered.answer.payload.length;
      this.#all.set(other, { phase: "forgotten" });
    }
    return known.places;
  }

  #forgetOldest(): void {
    for (const [id, remembered] of this.#all) {
      if (remembered.phase === "under way") continue;
      if (remembered.phase === "answered") this.#length -= remembered.answer.payload.length;
      this.#all.delete(id);
      return;
    }
  }
}
