import { Fault, type Durability, type Limits, type Principal, type Router } from "../core/index.js";
import type { LogBounds, LogOwner, RoomLog, RoomLogs } from "../room-log/index.js";
import type { Recalled, Wanted } from "./directory.js";
import { boundsOf, recallLogged, recallRecent } from "./recall.js";
import { ownerKey, type Room, type RoomOwner, type RoomUpkeep } from "./room.js";
import type { Rooms } from "./rooms.js";

/** What durable rooms use. */
export interface DurableRoomsOptions {
  readonly rooms: Rooms;
  readonly router: Pick<Router, "guard" | "keep">;
  readonly limits: Pick<Limits, "roomLogKeepMs" | "roomLogMax" | "roomLogMaxBytes">;
  /** History or guard of a room that is not durable. */
  readonly upkeep: (name: string, inviteOnly: boolean) => RoomUpkeep;
  /** Rooms that the configuration makes durable. */
  readonly configured: ReadonlyMap<string, Durability>;
}

/** Which rooms remember, who decides that, and who may read it (protocols §10.1). */
export class DurableRooms {
  readonly #options: DurableRoomsOptions;
  /** Undefined until the disk is there. */
  #logs: RoomLogs | undefined;

  constructor(options: DurableRoomsOptions) {
    this.#options = options;
  }

  /** Restores the durable rooms that are on disk, and makes those of the configuration. @throws Fault unavailable */
  async load(logs: RoomLogs): Promise<void> {
    const { configured, limits, rooms } = this.#options;
    this.#logs = logs;
    for (const log of logs.load()) {
      const { inviteOnly, owner } = log.row;
      const room = rooms.get(log.room) ?? (inviteOnly ? undefined : rooms.restore(log.room, ownerOfLog(owner)));
      if (room?.inviteOnly === inviteOnly) this.#attach(room, log);
      // Its members are known no more, so nobody may read it; else the configuration has made another of its name.
      else if (room === undefined || configured.has(log.room)) await logs.end(log);
    }
    for (const [name, durability] of configured) {
      const room = rooms.get(name);
      const bounds = boundsOf(durability, limits);
      if (room?.log === undefined) {
        if (room !== undefined) await this.begin(room, bounds, undefined);
      } else await logs.rebound(room.log, bounds);
    }
  }

  /**
   * How a room that `maker` makes is to be remembered, and whom that counts for.
   * @throws Fault forbidden, full, unavailable
   */
  wish(wanted: Durability, maker: RoomOwner, principal: Principal): { bounds: LogBounds; owner: LogOwner | undefined } {
    const isOperator = principal.scopes.has("operate");
    if (principal.trust !== "proved" && !isOperator)
      throw new Fault(
        "forbidden",
        `a durable room needs a proved name: log in with a token of your own (broker token ${principal.agent})`,
      );
    const owner = isOperator ? undefined : logOwnerOf(maker);
    this.#here().mayBegin(owner);
    return { bounds: boundsOf(wanted, this.#options.limits), owner };
  }

  /** The room remembers from now on what is said; resolves when that is on disk. @throws Fault full, unavailable */
  async begin(room: Room, bounds: LogBounds, owner: LogOwner | undefined): Promise<void> {
    const { log, kept } = this.#here().begin(room.name, { inviteOnly: room.inviteOnly, owner, bounds });
    this.#attach(room, log);
    try {
      await kept;
    } catch (thrown) {
      this.#detach(room);
      throw thrown;
    }
  }

  /**
   * Makes a room durable, changes how much it remembers, or ends that.
   * @returns how it is remembered from now on
   * @throws Fault forbidden, conflict, full, and as a rejection unavailable
   */
  async keep(room: Room, wanted: Durability | false, viewer: Principal | undefined): Promise<LogBounds | undefined> {
    const logs = this.#here();
    const { log, name } = room;
    const owner = this.#decider(room, viewer);
    if (wanted === false) {
      if (this.#options.configured.has(name))
        throw new Fault("conflict", `the configuration of the broker makes ${name} durable; change it there`);
      if (log !== undefined)
        await logs.end(log, () => {
          this.#detach(room);
        });
      return undefined;
    }
    if (log !== undefined) {
      const bounds = { ...log.row.bounds, ...wanted };
      await logs.rebound(log, bounds);
      return bounds;
    }
    if (room.inviteOnly && room.state !== "kept")
      throw new Fault("conflict", `${name} is not kept itself: whoever made it cannot come back; make another`);
    logs.mayBegin(owner);
    const bounds = boundsOf(wanted, this.#options.limits);
    await this.begin(room, bounds, owner);
    return bounds;
  }

  /**
   * What a room remembers. `joining`: for who is about to be a member.
   * @throws Fault forbidden
   */
  recall(room: Room, wanted: Wanted, viewer: Principal | undefined, joining: boolean): Recalled {
    const { log } = room;
    if (log === undefined) return recallRecent(room, wanted);
    const mayRead = joining || !room.inviteOnly || (viewer !== undefined && isInside(room, viewer));
    if (!mayRead)
      throw new Fault("forbidden", `only its members read what ${room.name} remembers; you are invited, join it first`);
    return recallLogged(log, this.#here(), wanted, viewer);
  }

  /** Who decides about the room, and whom its log counts for then. @throws Fault forbidden */
  #decider(room: Room, viewer: Principal | undefined): LogOwner | undefined {
    if (viewer?.scopes.has("operate") === true) return undefined;
    const maker = room.owner ?? room.maker;
    if (viewer?.trust === "proved" && maker?.key === ownerKey(viewer)) return logOwnerOf(maker);
    throw new Fault(
      "forbidden",
      `only who made ${room.name}, under a proved name, or the operator decides what it remembers`,
    );
  }

  #attach(room: Room, log: RoomLog): void {
    const { rooms, router, upkeep } = this.#options;
    const logs = this.#here();
    room.upkeep.close();
    const guard = room.inviteOnly ? upkeep(room.name, true) : undefined;
    const release = router.keep(room.name, {
      keep: (message) => logs.keep(log, message),
      arrived: () => undefined,
      left: () => undefined,
    });
    room.upkeep = {
      history: undefined,
      close: () => {
        release();
        guard?.close();
      },
    };
    room.log = log;
    rooms.hold(room);
  }

  #detach(room: Room): void {
    room.upkeep.close();
    room.upkeep = this.#options.upkeep(room.name, room.inviteOnly);
    room.log = undefined;
    this.#options.rooms.letGo(room);
  }

  /** @throws Fault unavailable */
  #here(): RoomLogs {
    if (this.#logs === undefined) throw new Fault("unavailable", "this broker keeps nothing on disk yet; try again");
    return this.#logs;
  }
}

function isInside(room: Room, viewer: Principal): boolean {
  return viewer.scopes.has("inspect") || room.isMember(viewer);
}

function logOwnerOf({ key, party }: RoomOwner): LogOwner {
  return { key, standing: party.standing ?? "free", network: party.network };
}

function ownerOfLog(owner: LogOwner | undefined): RoomOwner | undefined {
  if (owner === undefined) return undefined;
  const { key, standing, network } = owner;
  return { key, isIssued: standing === "issued", party: { network, name: key, standing } };
}
