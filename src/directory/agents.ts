import {
  betterStanding,
  Fault,
  isOfThisMachine,
  provesAtLeast,
  standingOf,
  type Limits,
  type Party,
  type Principal,
} from "../core/index.js";
import type { AgentEntry, Arriving, Presence } from "./directory.js";
import { Listing } from "./listing.js";

/** What a presence asks of its directory. */
export interface PresenceOwner {
  show(presence: PresenceMemory): void;
  depart(presence: PresenceMemory, graceMs: number): void;
  /** The presence is out of a room, for whatever reason. */
  left?(presence: PresenceMemory, room: string): void;
}

/**
 * The state of a presence: `here`, `lingering` during its grace period, or `gone`. `away`: it is no connection, but
 * stands in the rooms of a name whose memberships outlive its connections.
 */
export type PresenceState = "here" | "lingering" | "gone" | "away";

/** One connection or session of an agent. */
export class PresenceMemory implements Presence {
  readonly name: string;
  readonly principal: Principal;
  readonly party: Party;
  readonly dialect: string;
  readonly via: "proxy" | undefined;
  readonly since: number;
  /** Its memberships may outlive it. */
  readonly mayBeAway: boolean;
  // bound: roomsPerAgentMax, membershipsMax in all · evicts: joining one more is refused as full · owner: Memberships
  readonly rooms = new Set<string>();
  state: PresenceState = "here";
  readonly #putOut: Arriving["putOut"];
  readonly #owner: PresenceOwner;

  constructor(arriving: Arriving, since: number, owner: PresenceOwner) {
    this.name = arriving.principal.agent;
    this.principal = arriving.principal;
    this.party = arriving.party ?? { network: "", name: this.name };
    this.dialect = arriving.dialect;
    this.via = arriving.via;
    this.since = since;
    this.mayBeAway = arriving.mayBeAway === true;
    this.#putOut = arriving.putOut;
    this.#owner = owner;
  }

  putOut(room: string): void {
    this.#putOut?.(room);
  }

  left(room: string): void {
    this.#owner.left?.(this, room);
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
  /** The one presence in its grace period, and what cancels the timer. */
  lingering: { readonly presence: PresenceMemory; readonly cancel: () => void } | undefined;
  /** True once dialects may list it and it was announced as online. */
  listed = false;
  /** Rooms it is in, by any of its presences, and as who is away. */
  roomCount = 0;
  /** The network whose share of the places it takes; undefined: nobody's. */
  readonly network: string | undefined;
  #entry: AgentEntry | undefined;

  constructor(name: string, network: string | undefined) {
    this.name = name;
    this.network = network;
  }

  /**
   * The agent as others see it: its best proved presence, the oldest of equals. A presence in its grace period counts
   * only if there is no other. The same object until {@link changed}.
   */
  entry(): AgentEntry | undefined {
    return (this.#entry ??= this.#best());
  }

  /** Must be called when a presence has come, has gone, or has another state. */
  changed(): void {
    this.#entry = undefined;
  }

  #best(): AgentEntry | undefined {
    let best: PresenceMemory | undefined;
    let since = Infinity;
    let connections = 0;
    for (const presence of this.presences) {
      if (presence.state === "here") connections += 1;
      since = Math.min(since, presence.since);
      if (best === undefined || outranks(presence, best)) best = presence;
    }
    if (best === undefined) return undefined;
    const { displayName, trust } = best.principal;
    return { name: this.name, displayName, dialect: best.dialect, trust, via: best.via, since, connections };
  }

  /** The principals that use the name now: only those that prove it, if there are any. */
  principals(): readonly Principal[] {
    const here = [...this.presences].filter(({ state }) => state === "here").map(({ principal }) => principal);
    const proved = here.filter(({ proof }) => proof !== undefined);
    if (proved.length > 0) return proved;
    return here.length > 0 ? here : [...this.presences].map(({ principal }) => principal);
  }
}

/**
 * True if two principals are the same speaker: the same object, the same proof, or two sessions of one name with a
 * shared secret. Two sessions that only claim a name are never the same speaker.
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

/** Agents that every address may have, however few places are left. */
const agentsAssured = 10;

/** All agents that are online, and how many there may be. */
export class Agents {
  // bound: agentsMax, names and display names of 128 characters · evicts: one more is refused as full; an agent goes
  // with its last presence · owner: Agents
  readonly #records = new Map<string, AgentRecord>();
  /** How many agents each network has whose names cost nothing. */
  // bound: agentsClaimedMax · evicts: a network goes with its last agent · owner: Agents
  readonly #perNetwork = new Map<string, number>();
  readonly #limits: Pick<Limits, "agentsMax" | "agentsClaimedMax" | "agentsSharingMax">;
  readonly #names = new Listing();
  #listing: readonly AgentEntry[] | undefined;

  constructor(limits: Pick<Limits, "agentsMax" | "agentsClaimedMax" | "agentsSharingMax">) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#records.size;
  }

  get(name: string): AgentRecord | undefined {
    return this.#records.get(name);
  }

  all(): Iterable<AgentRecord> {
    return this.#records.values();
  }

  /** Listed agents, by name. */
  listing(): readonly AgentEntry[] {
    if (this.#listing !== undefined) return this.#listing;
    const listing: AgentEntry[] = [];
    for (const name of this.#names.of(this.#records, (one) => this.#records.get(one)?.listed === true)) {
      const entry = this.#records.get(name)?.entry();
      if (entry !== undefined) listing.push(entry);
    }
    return (this.#listing = listing);
  }

  /** Must be called when an agent, or what is listed of it, has changed. */
  changed(record: AgentRecord): void {
    record.changed();
    this.#names.changed(record.name);
    this.#listing = undefined;
  }

  /** The record of an arriving agent, a new one if the agent was not online. @throws Fault full */
  obtain(arriving: Arriving): AgentRecord {
    const { agent: name } = arriving.principal;
    const known = this.#records.get(name);
    if (known !== undefined) return known;
    const network = networkCharged(arriving);
    this.#mustHavePlace(arriving, network);
    const record = new AgentRecord(name, network);
    this.#records.set(name, record);
    this.#charge(network, 1);
    return record;
  }

  delete(name: string): void {
    this.#charge(this.#records.get(name)?.network, -1);
    this.#records.delete(name);
  }

  /**
   * Nobody who is online makes room, so an address that has more than a few gets more only while as many places are
   * left as it has then: it takes no more than half of them.
   * @throws Fault full
   */
  #mustHavePlace(arriving: Arriving, network: string | undefined): void {
    const before = arriving.instead === undefined ? undefined : this.#records.get(arriving.instead.name);
    const leaving = before?.presences.size === 1 ? before : undefined;
    const left = this.#mostFor(arriving) - this.size + (leaving === undefined ? 0 : 1);
    if (left <= 0)
      throw new Fault("full", "the broker has as many agents as it can; try again when one of them has left");
    if (network === undefined) return;
    const wanted = (this.#perNetwork.get(network) ?? 0) + (leaving?.network === network ? 0 : 1);
    if (wanted > agentsAssured && wanted > left)
      throw new Fault(
        "full",
        "agents without a token at this address have as many places as are left for all others; try again when one " +
          "of them has left, or use a token",
      );
  }

  #charge(network: string | undefined, change: number): void {
    if (network === undefined) return;
    const count = (this.#perNetwork.get(network) ?? 0) + change;
    if (count > 0) this.#perNetwork.set(network, count);
    else this.#perNetwork.delete(network);
  }

  /**
   * How many agents may be online for `arriving` to be admitted. Names that cost nothing cannot take the places
   * reserved for those with a token, and connections with many names cannot take those reserved for connections with
   * one.
   */
  #mostFor({ principal, sharing = false }: Arriving): number {
    const { agentsMax, agentsClaimedMax, agentsSharingMax } = this.#limits;
    if (standingOf(principal) !== "free") return agentsMax;
    return Math.min(agentsMax, agentsClaimedMax, sharing ? agentsSharingMax : Infinity);
  }
}

/** The network whose share of the places an arriving agent takes, if its name costs nothing and it is of elsewhere. */
function networkCharged({ principal, party }: Arriving): string | undefined {
  if (party === undefined || isOfThisMachine(party)) return undefined;
  const standing = betterStanding(standingOf(principal), party.standing ?? "free");
  return standing === "free" ? party.network : undefined;
}
