import type { Change, NetworkStore } from "./store.js";

/** Owed changes that go with one commit at most: a disk that stays full is not asked for more and more. */
const atOnce = 500;

/** Changes that a store has refused, since its disk was full, and that are made up for with those that come later. */
export class OwedChanges {
  readonly #store: Pick<NetworkStore, "commit">;
  // bound: records of the owner's table, and those that go for new ones · evicts: when it is on disk · owner: OwedChanges
  readonly #owed = new Map<string, Change>();

  constructor(store: Pick<NetworkStore, "commit">) {
    this.#store = store;
  }

  /**
   * Commits changes, and some that are owed. @param owes those that are owed if this fails: of one table, each key once
   * @throws what the store throws
   */
  async commit(changes: readonly Change[], owes: readonly Change[]): Promise<void> {
    const owed = [...this.#some()];
    // What is newer comes later: it replaces what is owed.
    for (const { key } of changes) this.#owed.delete(key);
    try {
      await this.#store.commit([...owed, ...changes]);
    } catch (error) {
      for (const change of owes) this.#owed.set(change.key, change);
      throw error;
    }
    for (const change of owed) if (this.#owed.get(change.key) === change) this.#owed.delete(change.key);
  }

  *#some(): Iterable<Change> {
    let left = atOnce;
    for (const change of this.#owed.values()) {
      if (left === 0) return;
      left -= 1;
      yield change;
    }
  }
}
