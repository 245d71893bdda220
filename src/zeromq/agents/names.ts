import {
  asFault,
  isAgentName,
  partyOf,
  principal,
  subscriptionKind,
  type Fault,
  type Principal,
} from "../../core/index.js";
import type { Presence } from "../../directory/index.js";
import type { SubscriberPeer, ZmtpPeer } from "../wire/index.js";
import { warn, type ZeromqContext } from "./context.js";

/** How a connection came to a name: PLAIN proved it, X-Agent declared it, or its subscriptions suggest it. */
export interface NameSource {
  readonly how: "proved" | "declared" | "inferred";
  /** `proxy`: the name of an agent behind somebody else's socket. */
  readonly via: "proxy" | undefined;
}

/** The names that a connection has. */
export interface ConnectionNames {
  readonly names: ReadonlyMap<string, NameSource>;
  /** The one name under which it is a member of rooms; a connection of several names only listens to them. */
  readonly member: string | undefined;
  /** The first name that it does not have, because a connection has at most so many. */
  readonly left: string | undefined;
}

/** What the names of a connection follow from. */
interface NameFacts extends Pick<ZmtpPeer, "principal" | "declared" | "socketType"> {
  /** What it hears. */
  readonly topics: Iterable<string>;
  /** For a proved proxy: the names it may carry. */
  readonly proxied: ReadonlySet<string>;
  /** At most this many names follow from subscriptions. */
  readonly namesMax: number;
  /** True if a name may be used by connections that cannot prove it. */
  readonly isFree: (name: string) => boolean;
}

/** The names of a connection of which nothing is known yet. */
export const noNames: ConnectionNames = { names: new Map(), member: undefined, left: undefined };

/** The names of a connection: PLAIN user, `X-Agent`, the agent names among its subscriptions (ZeroMQ §5.1–5.5). */
export function namesOf(facts: NameFacts): ConnectionNames {
  const isProxy = facts.socketType === "XSUB";
  const { names, left } =
    facts.principal === undefined
      ? claimedNames(facts, isProxy)
      : { names: provedNames(facts.principal.agent, facts), left: undefined };
  const [first] = names.keys();
  const isOwn = facts.principal !== undefined || facts.declared !== undefined || names.size === 1;
  return { names, member: isOwn && !isProxy ? first : undefined, left };
}

function provedNames(own: string, { topics, proxied }: NameFacts): ReadonlyMap<string, NameSource> {
  const carried = [...topics].filter((topic) => topic !== own && proxied.has(topic));
  return new Map([
    [own, { how: "proved", via: undefined }],
    ...carried.map((name): [string, NameSource] => [name, { how: "proved", via: "proxy" }]),
  ]);
}

function claimedNames(
  { declared, topics, isFree, namesMax }: NameFacts,
  isProxy: boolean,
): Pick<ConnectionNames, "names" | "left"> {
  const names: [string, NameSource][] = [];
  if (declared !== undefined && isFree(declared)) names.push([declared, { how: "declared", via: undefined }]);
  if (declared !== undefined && !isProxy) return { names: new Map(names), left: undefined };
  let inferred = 0;
  for (const topic of topics) {
    if (topic === declared || subscriptionKind(topic) !== "exact" || !isAgentName(topic) || !isFree(topic)) continue;
    if (inferred >= namesMax) return { names: new Map(names), left: topic };
    names.push([topic, { how: "inferred", via: isProxy ? "proxy" : undefined }]);
    inferred += 1;
  }
  return { names: new Map(names), left: undefined };
}

/** Which connections have which name. */
export class ConnectionsByName<C extends { readonly peer: ZmtpPeer } = { readonly peer: ZmtpPeer }> {
  // bound: agentsMax · evicts: a name leaves with its last connection · owner: ConnectionsByName
  readonly #byName = new Map<string, Set<C>>();

  add(connection: C, name: string): void {
    const connections = this.#byName.get(name);
    if (connections === undefined) this.#byName.set(name, new Set([connection]));
    else connections.add(connection);
  }

  remove(connection: C, name: string): void {
    const connections = this.#byName.get(name);
    if (connections?.delete(connection) === true && connections.size === 0) this.#byName.delete(name);
  }

  of(name: string): ReadonlySet<C> {
    return this.#byName.get(name) ?? new Set();
  }

  /** Which connection under `name` an instance has, counted from 1 in the order in which they came. */
  placeOf(name: string, instance: string): number | undefined {
    let place = 0;
    for (const { peer } of this.of(name)) {
      place += 1;
      if (peer.instance === instance) return place;
    }
    return undefined;
  }

  /**
   * The connections under `name` that may belong to the agent behind a publishing connection: both proved, or both
   * claimed and on one machine. What the broker has to say to a claimed sender goes to these or to nobody, so that
   * nobody can harm an agent by sending under its name (ZeroMQ §10.3).
   */
  ofSender(name: string, publisher: ZmtpPeer): readonly C[] {
    return [...this.of(name)].filter(({ peer }) =>
      publisher.principal === undefined
        ? peer.principal === undefined && (peer.remote === publisher.remote || (peer.isLocal && publisher.isLocal))
        : peer.principal !== undefined,
    );
  }
}

/** What a connection's presences tell it. */
export interface PresenceEvents {
  arrived(name: string): void;
  /** `graceMs`: it may come back within this time; 0: it is gone for good. */
  left(name: string, graceMs: number): void;
  /** The directory had no room for the name. */
  refused(name: string, fault: Fault): void;
}

interface NamedPresence {
  readonly presence: Presence;
  readonly source: NameSource;
  /** Monotonic. */
  readonly since: number;
  isShown: boolean;
}

/** One connection's presence in the directory under each of its names: when it arrives, is listed, and departs. */
export class Presences {
  // bound: zmqNamesMax, agentsMax in all · evicts: a name leaves with its subscription or connection · owner: Presences
  readonly #byName = new Map<string, NamedPresence>();
  readonly #peer: SubscriberPeer;
  readonly #context: Pick<ZeromqContext, "clock" | "directory" | "ledger" | "limiter" | "limits" | "log">;
  readonly #events: PresenceEvents;
  #cancelShow: (() => void) | undefined;

  constructor(
    peer: SubscriberPeer,
    context: Pick<ZeromqContext, "clock" | "directory" | "ledger" | "limiter" | "limits" | "log">,
    events: PresenceEvents,
  ) {
    this.#peer = peer;
    this.#context = context;
    this.#events = events;
  }

  get(name: string): Presence | undefined {
    return this.#byName.get(name)?.presence;
  }

  get all(): Iterable<Presence> {
    return [...this.#byName.values()].map(({ presence }) => presence);
  }

  /** Departs at once from names that the connection has given up; arrives under new ones. */
  follow({ names }: ConnectionNames): void {
    for (const name of [...this.#byName.keys()]) if (!names.has(name)) this.#depart(name, 0);
    for (const [name, source] of names) if (!this.#byName.has(name)) this.#arrive(name, source, names.size > 1);
    this.#showLater();
  }

  /** Tries once more to arrive under a name that was refused. @returns false if it is refused still */
  arriveAgain(name: string, source: NameSource, sharing: boolean): boolean {
    if (this.#byName.has(name)) return true;
    try {
      this.#enter(name, source, sharing);
    } catch (thrown) {
      if (asFault(thrown).code === "full") return false; // it was told of that when it was refused first
      throw thrown;
    }
    this.#showLater();
    return true;
  }

  /** Lists the agent: it has spoken or asked. */
  show(name: string): void {
    const named = this.#byName.get(name);
    if (named === undefined || named.isShown || this.#isTool) return;
    named.isShown = true;
    named.presence.show();
  }

  /** The connection is gone. libzmq usually comes back soon, so its names stay for their grace (ZeroMQ §7.2). */
  close(): void {
    this.#cancelShow?.();
    const { graceDeclaredMs, graceInferredMs } = this.#context.limits;
    for (const [name, { source }] of [...this.#byName])
      this.#depart(name, source.how === "inferred" ? graceInferredMs : graceDeclaredMs);
  }

  /** True for the operator's own tools, which are there without being agents. */
  get #isTool(): boolean {
    return this.#peer.principal?.scopes.has("operate") === true;
  }

  #arrive(name: string, source: NameSource, sharing: boolean): void {
    try {
      this.#enter(name, source, sharing);
    } catch (thrown) {
      const fault = asFault(thrown);
      this.#context.ledger.count("agent-refused");
      warn(this.#context, this.#peer.remote, "an agent was refused", { agent: name, why: fault.message });
      this.#events.refused(name, fault);
    }
  }

  /** @throws Fault full */
  #enter(name: string, source: NameSource, sharing: boolean): void {
    const { clock, directory } = this.#context;
    const isShown = source.how !== "inferred" && !this.#isTool;
    const { id, principal: owner, remote } = this.#peer;
    const presence = directory.arrive({
      principal: speakerOf(name, owner),
      party: partyOf({ id, remote, principal: owner }),
      dialect: "zmq",
      listed: isShown,
      sharing,
      ...(source.via !== undefined && { via: source.via }),
    });
    this.#byName.set(name, { presence, source, since: clock.monotonic(), isShown });
    this.#events.arrived(name);
  }

  #depart(name: string, graceMs: number): void {
    const named = this.#byName.get(name);
    if (named === undefined) return;
    this.#byName.delete(name);
    named.presence.depart(graceMs);
    this.#events.left(name, graceMs);
  }

  /** Lists inferred names that are old enough although they have not spoken (ZeroMQ §5.2). */
  #showLater(): void {
    const { clock, limits } = this.#context;
    this.#cancelShow?.();
    this.#cancelShow = undefined;
    const now = clock.monotonic();
    let next = Infinity;
    for (const [name, { source, since, isShown }] of this.#byName) {
      if (source.how !== "inferred" || isShown) continue;
      const dueAt = since + limits.zmqInferredMs;
      if (dueAt <= now) this.show(name);
      else next = Math.min(next, dueAt);
    }
    if (next === Infinity) return;
    this.#cancelShow = clock.after(next - now, () => {
      this.#showLater();
    });
  }
}

/** Who speaks under `name` on a connection of `owner`: a proxy proves the names it carries by its own token. */
export function speakerOf(name: string, owner: Principal | undefined): Principal {
  if (owner === undefined) return principal(name, "claimed");
  if (owner.agent === name) return owner;
  return principal(name, "proved", owner.proof === undefined ? {} : { proof: owner.proof });
}
