/** Something that is open or shut, and can be waited for. */
export class ResettableEvent {
  #isOpen = false;
  // bound: one wait per caller of wait() · evicts: a wait ends with its time or signal · owner: ResettableEvent
  readonly #waiting = new Set<() => void>();

  /** Lets all pass that wait and come. */
  set(): void {
    this.#isOpen = true;
    for (const pass of [...this.#waiting]) pass();
  }

  /** Whoever comes now waits. */
  reset(): void {
    this.#isOpen = false;
  }

  /** Waits until it is open, `ms` are over, or the signal is given. @returns whether it is open */
  wait(signal: AbortSignal, ms: number): Promise<boolean> {
    if (this.#isOpen || signal.aborted) return Promise.resolve(this.#isOpen);
    return new Promise((resolve) => {
      const pass = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", pass);
        this.#waiting.delete(pass);
        resolve(this.#isOpen);
      };
      const timer = setTimeout(pass, ms);
      signal.addEventListener("abort", pass, { once: true });
      this.#waiting.add(pass);
    });
  }
}

/** Waits `ms`, or until the signal is given. */
export async function pause(signal: AbortSignal, ms: number): Promise<void> {
  await new ResettableEvent().wait(signal, ms);
}

/** Lets tasks happen one after the other, in the order in which they came. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Does the task when all before it are over. @throws what it throws */
  run<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(task);
    this.#last = mine.catch(() => undefined); // its own caller hears of it
    return mine;
  }
}
