import { isAgentName, subscriptionKind } from "../core/index.js";
import type { SubscriberPeer } from "../zmtp/index.js";

/** How a connection came to its names: PLAIN proved it, X-Agent declared it, its subscriptions suggest it, or it carries them for others. */
export type NamingSource = "proved" | "declared" | "inferred" | "proxy";

/** Under which names a connection hears. */
export interface Naming {
  readonly source: NamingSource;
  readonly names: readonly string[];
  /** The one name under which it is a member of rooms; a connection of several only listens to them. */
  readonly member: string | undefined;
}

/**
 * The names of a connection, in this order: PLAIN user, `X-Agent`, the agent names among its subscriptions (protocols §2).
 * @param free whether a claimed connection may bear a name
 */
export function namingOf(
  peer: Pick<SubscriberPeer, "principal" | "declared" | "socketType" | "subscriptions">,
  proxied: ReadonlySet<string>,
  free: (name: string) => boolean,
): Naming {
  if (peer.principal !== undefined) {
    const own = peer.principal.agent;
    const carried = [...proxied].filter((name) => name !== own && peer.subscriptions.has(name));
    return { source: "proved", names: [own, ...carried], member: own };
  }
  if (peer.declared !== undefined) return { source: "declared", names: [peer.declared], member: peer.declared };
  const names = [...peer.subscriptions].filter((topic) => subscriptionKind(topic) === "exact" && isAgentName(topic) && free(topic));
  if (peer.socketType === "XSUB") return { source: "proxy", names, member: undefined };
  return { source: "inferred", names, member: names.length === 1 ? names[0] : undefined };
}
