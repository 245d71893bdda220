import {
  asFault,
  isAgentName,
  principal as principalOf,
  subscriptionKind,
  type Fault,
  type Principal,
} from "../../core/index.js";
import type { Presence } from "../../directory/index.js";
import type { SubscriberPeer, ZmtpPeer } from "../wire/index.js";
import { warn, type ZeromqContext } from "./context.js";

/** How a connection came to a name: PLAIN proved it, X-Agent declared it, its subscriptions suggest it. */
export interface Borne {
  readonly how: "proved" | "declared" | "inferred";
  /** The name of an agent behind somebody else's socket. */
  readonly via: "proxy" | undefined;
}

/** Under which names a connection hears. */
export interface Naming {
  readonly names: ReadonlyMap<string, Borne>;
  /** The one name under which it is a member of rooms; a connection of several only listens to them. */
  readonly member: string | undefined;
}

/** What names follow from. */
export interface NamingFacts extends Pick<ZmtpPeer, "principal" | "declared" | "socketType"> {
  /** What it hears. */
  readonly topics: Iterable<string>;
  /** For a proved proxy: the names it may carry. */
  readonly proxied: ReadonlySet<string>;
  /** So many names may follow from subscriptions. */
  readonly namesMax: number;
  /** Whether a name is open to those who cannot prove it. */
  readonly isFree: (name: string) => boolean;
}

/** A connection of which nothing is known yet. */
export const nameless: Naming = { names: new Map(), member: undefined };

/**
 * The names of a connection, in this order: PLAIN user, `X-Agent`, the agent names among its subscriptions (protocols
 * §2).
 */
export function namingOf(facts: NamingFacts): Naming {
  const isProxy = facts.socketType === "XSUB";
  const names =
    facts.principal === undefined ? claimedNames(facts, isProxy) : provedNames(facts.principal.agent, facts);
  const [first] = names.keys();
  const isOwn = facts.principal !== undefined || facts.declared !== undefined || names.size === 1;
  return { names, member: isOwn && !isProxy ? first : undefined };
}

function provedNames(own: string, { topics, proxied }: NamingFacts): ReadonlyMap<string, Borne> {
  const carried = [...topics].filter((topic) => topic !== own && proxied.has(topic));
  return new Map([
    [own, { how: "proved", via: undefined }],
    ...carried.map((name): [string, Borne] => [name, { how: "proved", via: "proxy" }]),
  ]);
}

function claimedNames(
  { declared, topics, isFree, namesMax }: NamingFacts,
  isProxy: boolean,
): ReadonlyMap<string, Borne> {
  const own = (declared === undefined || !isFree(declared) ? [] : [declared]).map((name): [string, Borne] => [
    name,
    { how: "declared", via: undefined },
  ]);
  if (declared !== undefined && !isProxy) return new Map(own);
  const suggested: string[] = [];
  for (const topic of topics) {
    if (suggested.length >= namesMax) break;
    if (topic !== declared && subscriptionKind(topic) === "exact" && isAgentName(topic) && isFree(topic))
      suggested.push(topic);
  }
  return new Map([
    ...own,
    ...suggested.map((name): [string, Borne] => [name, { how: "inferred", via: isProxy ? "proxy" : undefined }]),
  ]);
}

/** A connection that bears names. */
export interface Bearer {
  readonly peer: ZmtpPeer;
}

/** Which connections bear which name. */
export class Roll<B extends Bearer = Bearer> {
  // bound: agentsMax · evicts: a name leaves with its last connection · owner: Roll
  readonly #byName = new Map<string, Set<B>>();

  add(bearer: B, name: string): void {
    const bearers = this.#byName.get(name);
    if (bearers === undefined) this.#byName.set(name, new Set([bearer]));
    else bearers.add(bearer);
  }

  remove(bearer: B, name: string): void {
    const bearers = this.#byName.get(name);
    if (bearers?.delete(bearer) === true && bearers.size === 0) this.#byName.delete(name);
  }

  bearers(name: string): ReadonlySet<B> {
    return this.#byName.get(name) ?? new Set();
  }

  /**
   * The connections under `name` that may belong to the agent behind a publishing connection: both proved, or both
   * claimed and on one
   * machine. What the broker has to say to a claimed sender goes to these or to nobody, so that a name is no weapon
   * against its bearer.
   */
  ownBy(name: string, publisher: ZmtpPeer): readonly B[] {
    return [...this.bearers(name)].filter(({ peer }) =>
      publisher.principal === undefined
        ? peer.principal === undefined && (peer.remote === publisher.remote || (peer.isLocal && publisher.isLocal))
        : peer.principal !== undefined,
    );
  }
}

/** What {@link Presences} needs. */
export interface PresencesOptions {
  readonly peer: SubscriberPeer;
  readonly context: ZeromqContext;
  readonly arrived: (name: string) => void;
  /** Gone with its connection and may come back within `graceMs`, or gone for good (0). */
  readonly left: (name: string, graceMs: number) => void;
  /** There was no room for it. */
  readonly refused: (name: string, fault: Fault) => void;
}

interface Here {
  readonly presence: Presence;
  readonly borne: Borne;
  /** Monotonic. */
  readonly since: number;
  isShown: boolean;
}

/**
 * One connection's presence in the directory under each of its names: when it arrives, is shown to dialects, and
 * departs.
 */
export class Presences {
  // bound: zmqSubscriptionsMax, agentsMax in all · evicts: a name leaves with its subscription or connection · owner:
  // Presences
  readonly #here = new Map<string, Here>();
  readonly #options: PresencesOptions;
  #cancelShow: (() => void) | undefined;

  constructor(options: PresencesOptions) {
    this.#options = options;
  }

  get(name: string): Presence | undefined {
    return this.#here.get(name)?.presence;
  }

  get all(): Iterable<Presence> {
    return [...this.#here.values()].map(({ presence }) => presence);
  }

  /** Departs from names that the connection bears no longer, at once: it lives and said so. Arrives under new ones. */
  follow({ names }: Naming): void {
    for (const name of [...this.#here.keys()]) if (!names.has(name)) this.#depart(name, 0);
    for (const [name, borne] of names) if (!this.#here.has(name)) this.#arrive(name, borne, names.size > 1);
    this.#showLater();
  }

  /** Lists the agent: it has spoken or asked. */
  show(name: string): void {
    const here = this.#here.get(name);
    if (here === undefined || here.isShown || this.#isTool) return;
    here.isShown = true;
    here.presence.show();
  }

  /** The connection is gone; libzmq comes back soon, so its names stay for their grace. */
  close(): void {
    this.#cancelShow?.();
    const { graceDeclaredMs, graceInferredMs } = this.#options.context.limits;
    for (const [name, { borne }] of [...this.#here])
      this.#depart(name, borne.how === "inferred" ? graceInferredMs : graceDeclaredMs);
  }

  /** The operator's own tools are there without being agents. */
  get #isTool(): boolean {
    return this.#options.peer.principal?.scopes.has("operate") === true;
  }

  #arrive(name: string, borne: Borne, sharing: boolean): void {
    const { context, peer, arrived, refused } = this.#options;
    try {
      const isShown = borne.how !== "inferred" && !this.#isTool;
      const presence = context.directory.arrive({
        principal: speakerOf(name, peer.principal),
        dialect: "zmq",
        listed: isShown,
        sharing,
        ...(borne.via !== undefined && { via: borne.via }),
      });
      this.#here.set(name, { presence, borne, since: context.clock.monotonic(), isShown });
      arrived(name);
    } catch (thrown) {
      const fault = asFault(thrown);
      context.ledger.count("agent-refused");
      warn(context, peer.remote, "an agent was refused", { agent: name, why: fault.message });
      refused(name, fault);
    }
  }

  #depart(name: string, graceMs: number): void {
    const here = this.#here.get(name);
    if (here === undefined) return;
    this.#here.delete(name);
    here.presence.depart(graceMs);
    this.#options.left(name, graceMs);
  }

  /** An inferred name that has not spoken is listed once it is old enough. */
  #showLater(): void {
    const { clock, limits } = this.#options.context;
    this.#cancelShow?.();
    this.#cancelShow = undefined;
    const now = clock.monotonic();
    let next = Infinity;
    for (const [name, { borne, since, isShown }] of this.#here) {
      if (borne.how !== "inferred" || isShown) continue;
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
  if (owner === undefined) return principalOf(name, "claimed");
  if (owner.agent === name) return owner;
  return principalOf(name, "proved", owner.proof === undefined ? {} : { proof: owner.proof });
}
