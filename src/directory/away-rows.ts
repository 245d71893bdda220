import { principal, standingOf, type Party, type Principal } from "../core/index.js";
import type { Table, TableChange } from "../storage/table.js";

/** A membership that outlives the connections of its owner, as it is kept over a restart. */
export interface AwayRow {
  /** What its owner has proved. */
  readonly proof: string;
  /** For people; absent: the name. */
  readonly displayName?: string;
  /** The network whose share it counts against. */
  readonly network: string;
  /** The room is for invited members only. */
  readonly inviteOnly?: true;
  /** Its owner has made the room, which is public. */
  readonly made?: true;
}

/** A membership that was found on disk. */
export interface FoundMembership {
  readonly room: string;
  readonly row: AwayRow;
}

/** Memberships on disk: a row for each, whose key is the name, a line feed and the room. */
export class AwayRows {
  readonly #table: Table<AwayRow>;

  constructor(table: Table<AwayRow>) {
    this.#table = table;
  }

  /** All by name. Only of one who is away there are rows. */
  load(): ReadonlyMap<string, readonly FoundMembership[]> {
    const found = new Map<string, FoundMembership[]>();
    for (const [key, row] of this.#table.range("", "\uffff")) {
      const end = key.indexOf("\n");
      const agent = key.slice(0, end);
      const one = { room: key.slice(end + 1), row };
      const known = found.get(agent);
      if (known === undefined) found.set(agent, [one]);
      else known.push(one);
    }
    return found;
  }

  /** Keeps memberships of one agent, and forgets others. @throws Fault unavailable, as a rejection */
  write(agent: string, kept: readonly FoundMembership[], gone: readonly string[]): Promise<void> {
    const changes: TableChange<AwayRow>[] = [
      ...kept.map(({ room, row }) => ({ put: `${agent}\n${room}`, value: row })),
      ...gone.map((room) => ({ delete: `${agent}\n${room}` })),
    ];
    return this.#table.batch(changes);
  }
}

/** Whose row it is, and what it counts against. */
export function ownerOfRow(
  agent: string,
  { proof, displayName, network }: AwayRow,
): { readonly principal: Principal; readonly party: Party } {
  const owner = principal(agent, "proved", { proof, ...(displayName !== undefined && { displayName }) });
  const standing = standingOf(owner);
  return { principal: owner, party: { network, name: standing === "issued" ? network : proof, standing } };
}

/** How the rows of one agent are made. */
export interface RowsOf {
  /** True if it has made the room, or is about to. */
  readonly isMaker: (room: string) => boolean;
  readonly rowOf: (room: string) => AwayRow;
  /** Called when nothing is on its way any more. */
  readonly written: () => void;
}

/** What is on disk of one agent's memberships, and on its way there. */
export class KeptMemberships {
  /** The room that is about to be joined. */
  wanted: string | undefined;
  /** What is on its way; undefined: nothing. */
  saving: Promise<void> | undefined;
  readonly #agent: string;
  /** Rooms of which there is a row, or will be; true: as their maker. */
  // bound: roomsPerAgentMax + 1 · evicts: a room that is left · owner: KeptMemberships
  readonly #rows = new Map<string, boolean>();

  constructor(agent: string) {
    this.#agent = agent;
  }

  /** Nothing is on disk, nor will be. */
  get isEmpty(): boolean {
    return this.#rows.size === 0 && this.saving === undefined && this.wanted === undefined;
  }

  /** A row was there at the start. */
  found({ room, row }: FoundMembership): void {
    this.#rows.set(room, row.made === true);
  }

  /** Writes what is not on disk of `rooms`, and of the one that is wanted; forgets all others. */
  write(rooms: ReadonlySet<string>, table: AwayRows, { isMaker, rowOf, written }: RowsOf): void {
    const rows = this.#rows;
    const meant = new Set(rooms);
    if (this.wanted !== undefined) meant.add(this.wanted);
    const gone = [...rows.keys()].filter((room) => !meant.has(room));
    const fresh = [...meant]
      .filter((room) => rows.get(room) !== isMaker(room))
      .map((room) => ({ room, row: rowOf(room) }));
    if (gone.length + fresh.length === 0) return;
    for (const one of fresh) this.found(one);
    for (const room of gone) rows.delete(room);
    const over = (): void => {
      if (this.saving !== saving) return;
      this.saving = undefined;
      written();
    };
    const saving: Promise<void> = table.write(this.#agent, fresh, gone).then(over, (thrown: unknown) => {
      // What could not be written, or is there still, is seen to with the next change.
      for (const { room } of fresh) rows.delete(room);
      for (const room of gone) rows.set(room, false);
      over();
      throw thrown;
    });
    this.saving = saving;
    saving.catch(() => undefined); // whoever waits for it is told; the owner of the table reports it
  }
}
