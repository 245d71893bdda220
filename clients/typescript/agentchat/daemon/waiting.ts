/** A condition that is set or reset, and that others can wait for. */
export class ResettableEvent {
  #isSet = false;
  // bound: one wait per caller of wait() · evicts: a wait ends with its time or signal · owner: ResettableEvent
  readonly #waiting = new Set<() => void>();

  /** Sets it: all who wait go on. */
  set(): void {
    this.#isSet = true;
    for (const pass of [...this.#waiting]) pass();
  }

  /** Resets it: whoever waits from now on waits until it is set again. */
  reset(): void {
    this.#isSet = false;
  }

  /** Waits until it is set, `ms` are over, or the signal is given. @returns whether it is set */
  wait(signal: AbortSignal, ms: number): Promise<boolean> {
    if (this.#isSet || signal.aborted) return Promise.resolve(this.#isSet);
    return new Promise((resolve) => {
      const pass = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", pass);
        this.#waiting.delete(pass);
        resolve(this.#isSet);
      };
      const timer = setTimeout(pass, ms);
      signal.addEventListener("abort", pass, { once: true });
      this.#waiting.add(pass);
    });
  }
}

/** Waits `ms`, or until the signal is given, whichever is first. */
export async function pause(signal: AbortSignal, ms: number): Promise<void> {
  await new ResettableEvent().wait(signal, ms);
}

/** Runs tasks one after the other, in the order in which they came. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the task when all before it have ended. @throws what the task throws */
  run<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(task);
    this.#last = mine.catch(() => undefined); // its own caller learns of the failure
    return mine;
  }
}
