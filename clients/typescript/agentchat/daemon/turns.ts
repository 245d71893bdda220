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
