import type { Table } from "../storage/table.js";

/** An invite-only room as it is kept over a restart. */
export interface KeptRoom {
  /** In whose count it is. */
  readonly owner: string;
  /** Names and proofs, as the room knows them. */
  readonly invited: readonly string[];
}

/**
 * Invite-only rooms that somebody may come back to, kept on disk: after a restart the name is not free for strangers.
 */
export class KeptRooms {
  readonly #table: Table<KeptRoom>;

  constructor(table: Table<KeptRoom>) {
    this.#table = table;
  }

  all(): Iterable<readonly [string, KeptRoom]> {
    return this.#table.range("", "\uffff");
  }

  // What cannot be kept is told by whoever keeps the tables, and holds until the broker stops.
  keep(name: string, room: KeptRoom): void {
    this.#table.put(name, room).catch(() => undefined);
  }

  forget(name: string): void {
    this.#table.delete(name).catch(() => undefined);
  }
}
