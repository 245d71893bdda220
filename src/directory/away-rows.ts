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
