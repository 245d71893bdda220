import { provesAtLeast, type Principal } from "../core/index.js";
import type { AgentEntry, Arriving, Presence } from "./directory.js";

/** What a presence asks of its directory. */
export interface PresenceOwner {
  show(presence: PresenceMemory): void;
  depart(presence: PresenceMemory, graceMs: number): void;
}

/** Where a presence stands: `here`, `lingering` for its grace, or `gone`. */
export type PresenceState = "here" | "lingering" | "gone";

/** One connection of an agent. */
export class PresenceMemory implements Presence {
  readonly name: string;
  readonly principal: Principal;
  readonly dialect: string;
  readonly via: "proxy" | undefined;
  readonly since: number;
  // bound: roomsPerAgentMax · evicts: joining one more is refused as full · owner: DirectoryMemory
  readonly rooms = new Set<string>();
  state: PresenceState = "here";
  readonly #putOut: Arriving["putOut"];
  readonly #owner: PresenceOwner;

  constructor(arriving: Arriving, since: number, owner: PresenceOwner) {
    this.name = arriving.principal.agent;
    this.principal = arriving.principal;
    this.dialect = arriving.dialect;
    this.via = arriving.via;
    this.since = since;
    this.#putOut = arriving.putOut;
    this.#owner = owner;
  }

  putOut(room: string): void {
    this.#putOut?.(room);
  }

  show(): void {
    this.#owner.show(this);
  }

  depart(graceMs = 0): void {
    this.#owner.depart(this, graceMs);
  }
}

/** An agent that is online: all its presences. */
export class AgentRecord {
  readonly name: string;
  // bound: zmqConnectionsMax + wsConnectionsMax · evicts: a presence leaves when it departs · owner: AgentRecord
  readonly presences = new Set<PresenceMemory>();
  /** The one presence in its grace, and the end of it. */
  lingering: { readonly presence: PresenceMemory; readonly cancel: () => void } | undefined;
  /** Dialects may list it; announced as online. */
  listed = false;
  /** Rooms it is in, through whichever presence. */
  roomCount = 0;

  constructor(name: string) {
    this.name = name;
  }

  /**
   * The agent as others see it: its best proved presence, the oldest of equals; one in its grace only if there is no
   * other.
   */
  entry(): AgentEntry | undefined {
    let best: PresenceMemory | undefined;
    let since = Infinity;
    for (const presence of this.presences) {
      since = Math.min(since, presence.since);
      if (best === undefined || outranks(presence, best)) best = presence;
    }
    if (best === undefined) return undefined;
    const { displayName, trust } = best.principal;
    return { name: this.name, displayName, dialect: best.dialect, trust, via: best.via, since };
  }

  /** Who bears the name now: those that prove it, else all. */
  principals(): readonly Principal[] {
    const here = [...this.presences].filter(({ state }) => state === "here").map(({ principal }) => principal);
    const proved = here.filter(({ proof }) => proof !== undefined);
    if (proved.length > 0) return proved;
    return here.length > 0 ? here : [...this.presences].map(({ principal }) => principal);
  }
}

/**
 * True if two principals of one name are the same speaker: the same object, the same proof, or both holders of a shared
 * secret. A name that
 * is only claimed is never taken for another session's.
 */
export function isSameSpeaker(one: Principal, other: Principal): boolean {
  if (one === other) return true;
  if (one.agent !== other.agent) return false;
  if (one.proof !== undefined || other.proof !== undefined) return one.proof === other.proof;
  return one.trust === other.trust && one.trust !== "claimed";
}

function outranks(presence: PresenceMemory, best: PresenceMemory): boolean {
  if (presence.state !== best.state) return presence.state === "here";
  return !provesAtLeast(best.principal.trust, presence.principal.trust);
}
