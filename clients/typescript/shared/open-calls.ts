import { LoopClock, type Clock } from "../../../src/core/index.js";

/** A call that was sent and is not answered yet. */
export interface OpenCall<Kind, Event> {
  readonly kind: Kind;
  /** By which a refusal can name it, if it has one. */
  readonly id?: string;
  /**
   * `late`: its time is over and its caller has been told. It keeps its place in the order, so that its answer, if it
   * still comes, is not taken for the answer to a later call.
   */
  readonly state: "waiting" | "late";
  /** Takes an event if it answers this call; the call is over then. */
  readonly offer: (event: Event) => boolean;
  readonly reject: (error: Error) => void;
}

/** What becomes of something that was said without waiting for an answer. */
export interface Fate<Event> {
  /** True if this event shows that it was taken. */
  readonly answer: (event: Event) => boolean;
  readonly taken: () => void;
  readonly refused: (error: Error) => void;
}

/** Late calls that are kept when a server answers nothing at all. */
const lateMax = 256;
/** What was said without waiting and may still be refused. */
const followedMax = 256;

/**
 * The calls of one connection that wait for their answers, oldest first. Which call an answer or a refusal belongs to
 * is decided by each protocol's client.
 */
export class OpenCalls<Kind extends string, Event> implements Iterable<OpenCall<Kind, Event>> {
  // bound: waiting ones: what the application calls at once; late ones: lateMax, followed ones: followedMax, the oldest
  // goes · evicts: with its answer, a late one also with an answer behind it, or with the connection · owner: OpenCalls
  readonly #calls = new Set<OpenCall<Kind, Event>>();
  // bound: followedMax · evicts: with #calls, where each of these is, too; the oldest for a new one · owner: OpenCalls
  readonly #followed = new Set<OpenCall<Kind, Event>>();
  readonly #timedOut: (kind: Kind, timeoutMs: number) => Error;
  readonly #clock: Clock;

  /**
   * @param timedOut makes the error with which a call ends that is not answered in time
   * @param clock by which the time is measured: one that leaves out while this process stood still
   */
  constructor(timedOut: (kind: Kind, timeoutMs: number) => Error, clock: Clock = new LoopClock()) {
    this.#timedOut = timedOut;
    this.#clock = clock;
  }

  /** Oldest first; calls may end while this is iterated. */
  [Symbol.iterator](): Iterator<OpenCall<Kind, Event>> {
    return this.#calls[Symbol.iterator]();
  }

  /**
   * Waits for the answer to a call that is sent now.
   * @param answer what an event means to this call; undefined if it answers another one
   * @param id by which a refusal can name it
   */
  wait<T>(kind: Kind, answer: (event: Event) => T | undefined, timeoutMs: number, id?: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel();
        this.#calls.delete(call);
      };
      // Once the call is late the promise is settled: resolve and reject have no effect then.
      const call: { -readonly [Field in keyof OpenCall<Kind, Event>]: OpenCall<Kind, Event>[Field] } = {
        kind,
        ...(id !== undefined && { id }),
        state: "waiting",
        offer: (event) => {
          const value = answer(event);
          if (value === undefined) return false;
          end();
          resolve(value);
          return true;
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      const cancel = this.#clock.after(timeoutMs, () => {
        call.state = "late";
        this.#limitLate();
        reject(this.#timedOut(kind, timeoutMs));
      });
      this.#calls.add(call);
    });
  }

  /**
   * Keeps the place of something that is said now and gets no answer of its own, so that a refusal of it is not taken
   * for that of a call. It is forgotten, with no word to `fate`, when {@link followedMax} others were said after it.
   * @param id by which a refusal can name it
   */
  follow(kind: Kind, id: string, { answer, taken, refused }: Fate<Event>): void {
    const call: OpenCall<Kind, Event> = {
      kind,
      id,
      state: "waiting",
      offer: (event) => {
        if (!answer(event)) return false;
        this.#calls.delete(call);
        this.#followed.delete(call);
        taken();
        return true;
      },
      reject: (error) => {
        this.#calls.delete(call);
        this.#followed.delete(call);
        refused(error);
      },
    };
    this.#calls.add(call);
    this.#followed.add(call);
    const [oldest] = this.#followed;
    if (this.#followed.size <= followedMax || oldest === undefined) return;
    this.#calls.delete(oldest);
    this.#followed.delete(oldest);
  }

  /** Forgets those of `calls` that are late: a call sent after them was answered, so no answer to them will come. */
  forgetLate(calls: Iterable<OpenCall<Kind, Event>>): void {
    for (const call of calls) if (call.state === "late") this.#calls.delete(call);
  }

  /** Fails every call of a kind, or all. */
  fail(error: Error, kind?: Kind): void {
    for (const call of [...this.#calls]) if (kind === undefined || call.kind === kind) call.reject(error);
  }

  #limitLate(): void {
    const late = [...this.#calls].filter(({ state }) => state === "late");
    this.forgetLate(late.slice(0, Math.max(0, late.length - lateMax)));
  }
}
