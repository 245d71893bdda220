import type { Standing } from "../core/index.js";
import type { Table, TableChange } from "../storage/table.js";

/** An invite-only room as it is kept over a restart; each of its invitations is a row of its own. */
export interface KeptRoom {
  /** The key of the agent that the room counts for. */
  readonly owner: string;
  /** What the name of that agent has cost; `free` when absent. */
  readonly standing?: Standing;
  /** How `issued` was kept before. */
  readonly isIssued?: boolean;
  /** The network that it was made from. */
  readonly network?: string;
  /** How invitations were kept before each had a row: they are moved into rows at the start. */
  readonly invited?: readonly string[];
}

/** An invitation; `true` if the owner of the room has given it. */
export type KeptInvitation = true | { readonly by: string };

/** A row of the table of rooms: `#room`, or `#room`, a line feed and what is invited. */
export type RoomRow = KeptRoom | KeptInvitation;

/** A room that was found, what is invited to it, and the key of who has invited that. */
export interface FoundRoom {
  readonly name: string;
  readonly room: KeptRoom;
  readonly invited: ReadonlyMap<string, string>;
}

/** Invite-only rooms and invitations on disk, one row each, so that a change writes what changes. */
export class KeptRooms {
  readonly #table: Table<RoomRow>;

  constructor(table: Table<RoomRow>) {
    this.#table = table;
  }

  /** All rooms by name. Rows in the old form, and what is left of a room that went, are put in order on the way. */
  async load(): Promise<readonly FoundRoom[]> {
    const found = new Map<string, { readonly room: KeptRoom; readonly invited: Map<string, string> }>();
    const changes: TableChange<RoomRow>[] = [];
    // No name of a room holds a character that sorts before the line feed: each room comes just before its invitations.
    for (const [key, row] of this.#table.range("", "\uffff")) {
      const end = key.indexOf("\n");
      if (row !== true && "owner" in row) {
        const { invited, ...room } = row;
        found.set(key, { room, invited: new Map(invited?.map((one) => [one, row.owner])) });
        if (invited !== undefined)
          changes.push({ put: key, value: room }, ...invited.map((one) => invitationRow(key, one, true)));
      } else {
        const known = found.get(key.slice(0, end));
        if (known === undefined) changes.push({ delete: key });
        else known.invited.set(key.slice(end + 1), row === true ? known.room.owner : row.by);
      }
    }
    if (changes.length > 0) await this.#table.batch(changes);
    return [...found].map(([name, one]) => ({ name, ...one }));
  }

  /**
   * Keeps invitations, and the room with them if it is new. Invitations to an earlier room of that name go, whose end
   * could not be written: all but those of `underWay`.
   * @throws Fault unavailable, as a rejection
   */
  add(
    name: string,
    { room, underWay }: { readonly room: KeptRoom | undefined; readonly underWay: ReadonlyMap<string, unknown> },
    invited: readonly string[],
    by: KeptInvitation,
  ): Promise<void> {
    const rows = invited.map((one) => invitationRow(name, one, by));
    if (room === undefined) return this.#table.batch(rows);
    const left = [...this.#table.range(`${name}\n`, `${name}\v`)]
      .filter(([key]) => !underWay.has(key.slice(name.length + 1)))
      .map(([key]) => ({ delete: key }));
    return this.#table.batch([{ put: name, value: room }, ...left, ...rows]);
  }

  /** Forgets a room with its invitations. */
  remove(name: string, invited: Iterable<string>): Promise<void> {
    return this.#table.batch([{ delete: name }, ...[...invited].map((one) => ({ delete: `${name}\n${one}` }))]);
  }
}

function invitationRow(room: string, invited: string, by: KeptInvitation): TableChange<RoomRow> {
  return { put: `${room}\n${invited}`, value: by };
}
