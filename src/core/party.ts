import { isLoopbackAddress, networkOf } from "./address.js";
import { isIssued, type Principal } from "./principal.js";

/**
 * What a name has cost. `free`: nothing, as a claimed name or a key, of which anybody makes as many as it likes.
 * `shared`: the secret that the operator gave to several. `issued`: one that it issued for this name alone.
 */
export type Standing = "free" | "shared" | "issued";

/** From the least to the most. */
export const standings = ["free", "shared", "issued"] as const satisfies readonly Standing[];

/** Whose share something counts against: a party, and the network it is at. */
export interface Party {
  readonly network: string;
  readonly name: string;
  /** `free` when absent. */
  readonly standing?: Standing;
}

/** What the name of a speaker has cost. */
export function standingOf(principal: Principal | undefined): Standing {
  if (principal === undefined) return "free";
  return isIssued(principal) ? "issued" : principal.trust === "shared" ? "shared" : "free";
}

/** The better one of two. */
export function betterStanding(one: Standing, other: Standing): Standing {
  return standings.indexOf(one) < standings.indexOf(other) ? other : one;
}

/** `standing` and those below it, from the least on: whose room somebody of this standing may take. */
export function standingsUpTo(standing: Standing): readonly Standing[] {
  return standings.slice(0, standings.indexOf(standing) + 1);
}

/** The connection or session of somebody who uses up what all share. */
export interface Origin {
  readonly id: string;
  readonly remote: string;
  readonly principal: Principal | undefined;
}

/** True for the connection or session that a message came from. */
export function isOrigin(origin: object | undefined): origin is Origin {
  return origin !== undefined && "id" in origin && "remote" in origin && "principal" in origin;
}

/** True for a party at this machine: a program that runs on it could do more harm in other ways. */
export function isOfThisMachine({ network }: Party): boolean {
  return network === "ipc" || isLoopbackAddress(network);
}

/**
 * The party of a speaker. Who proves its name by what the operator issued is apart from all others. Keys, and names
 * that are not proved, cost nothing: those who have no more share with everybody at their address (in IPv6: network),
 * where each key and each connection has a part of its own.
 */
export function partyOf({ id, remote, principal }: Origin): Party {
  const standing = standingOf(principal);
  if (principal !== undefined && standing === "issued") {
    const owner = `token of ${principal.agent}`;
    return { network: owner, name: owner, standing };
  }
  return { network: networkOf(remote), name: principal?.proof ?? id, standing };
}
