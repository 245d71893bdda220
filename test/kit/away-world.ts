import { defaultLimits, principal, type Limits, type Principal } from "../../src/core/index.js";
import type { AwayRow } from "../../src/directory/away-rows.js";
import type { DirectoryMemory, Presence } from "../../src/directory/index.js";
import type { RoomRow } from "../../src/directory/kept-rooms.js";
import { RoomLogs } from "../../src/room-log/index.js";
import { TablesMemory } from "../../src/storage/index.js";
import { openWorld, type World } from "./directory-world.js";

/** Somebody with a token of its own. */
export const token = (agent: string): Principal => principal(agent, "proved", { proof: `token:${agent}` });
/** Somebody with a key that it has made itself. */
export const key = (agent: string): Principal => principal(agent, "proved", { proof: `key:${agent}` });

/** A directory whose members may be away, on a disk that outlives it. */
export interface AwayWorld extends World {
  /** Proofs of those whose mailbox says `rooms: true`. */
  readonly boxes: Set<string>;
  /** A WebSocket session. */
  readonly comes: (who: Principal, network?: string) => Presence;
  /** The directory of the next start, on the same disk: that of this one is as if it had been killed. */
  readonly again: (limits?: Partial<Limits>) => Promise<AwayWorld>;
  /** Memberships on disk, each as `agent room`. */
  readonly rows: () => readonly string[];
  /** What could not be given back at the start. */
  readonly lost: ReturnType<DirectoryMemory["keepAway"]>;
}

/** A world whose rooms and memberships lie in `tables`. */
export async function awayWorld(
  limits: Partial<Limits> = {},
  tables = new TablesMemory(),
  boxes = new Set<string>(),
): Promise<AwayWorld> {
  const world = openWorld(limits, [], ({ proof }) => proof !== undefined && boxes.has(proof));
  const { clock, directory, exchange } = world;
  await directory.keepRooms(tables.table<RoomRow>("rooms"));
  await directory.remember(
    new RoomLogs(tables.table("logs"), { exchange, clock, limits: { ...defaultLimits, ...limits } }),
  );
  const table = tables.table<AwayRow>("away-members");
  const lost = directory.keepAway(table);
  return {
    ...world,
    boxes,
    lost,
    comes: (who, network = "10.0.0.1") => {
      const standing = who.trust !== "proved" || who.proof?.startsWith("key:") === true ? "free" : "issued";
      const party = { network, name: who.proof ?? who.agent, standing } as const;
      return world.arrive(who.agent, { principal: who, mayBeAway: true, party });
    },
    again: (more = limits) => awayWorld(more, tables, boxes),
    rows: () => [...table.range("", "\uffff")].map(([name]) => name.replace("\n", " ")),
  };
}
