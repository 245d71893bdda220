import { isAgentName, subscriptionKind } from "../../core/index.js";
import type { ZmtpPeer } from "../wire/index.js";

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
