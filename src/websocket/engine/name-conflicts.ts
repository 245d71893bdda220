import { Fault, isReserved, type Principal } from "../../core/index.js";
import type { Directory } from "../../directory/directory.js";
import type { Claim, Claimants } from "../../identity/claim-watch.js";
import { looksOwned, takenFrom, type Identity } from "../../identity/identity.js";

/** A session that speaks for a name. */
export interface NameHolder {
  readonly principal: Principal | undefined;
  /** The address that it speaks from. */
  readonly remote: string;
  /** What it has proved is on its way to the disk. */
  readonly isProving: boolean;
  /** Whether its peer answers a ping within `ms`. */
  alive(ms: number): Promise<boolean>;
  /** Ends it: its name is somebody else's from now on. `why`: another reason than a session that has taken over. */
  displace(why?: string): void;
}

/**
 * Which session speaks for which name on a WebSocket, and what happens when two want the same name (protocols §1.8).
 */
export class NameConflicts implements Claimants {
  // bound: wsConnectionsMax · evicts: a session leaves when it ends or is displaced · owner: NameConflicts
  readonly #byName = new Map<string, NameHolder>();
  readonly #directory: Pick<Directory, "agent">;
  readonly #identity: Pick<Identity, "isProtected" | "protectedLike">;
  readonly #pingMs: number;

  /** @param pingMs how long the session that has the name has time to answer a ping, milliseconds */
  constructor(
    directory: Pick<Directory, "agent">,
    identity: Pick<Identity, "isProtected" | "protectedLike">,
    pingMs: number,
  ) {
    this.#directory = directory;
    this.#identity = identity;
    this.#pingMs = pingMs;
  }

  /**
   * Settles whether `newcomer` may speak for `principal.agent`; calls `enter` in the same turn in which that is sure.
   * It waits only where the name belongs to a session that proves no more than the newcomer: for the answer to a ping;
   * not even then if both announce the same key from the same address, unless the session's proof is under way.
   * If `enter` throws, or the newcomer leaves in it, everything is as before.
   * @throws Fault conflict, malformed (reserved), and what `enter` throws
   */
  async enter(newcomer: NameHolder, principal: Principal, enter: () => void): Promise<void> {
    const name = principal.agent;
    if (isReserved(name)) throw new Fault("malformed", `the name ${name} is reserved; choose another`);
    const silent = this.#mustBeAsked(newcomer, principal);
    if (silent !== undefined) {
      const alive = await silent.alive(this.#pingMs);
      // Whatever has changed meanwhile: another newcomer may have come first.
      const now = this.#mustBeAsked(newcomer, principal);
      if (now !== undefined && (alive || now !== silent)) throw inUse(name);
    }
    // The broker's own tools may be there more than once.
    if (name.startsWith("$")) {
      enter();
      return;
    }
    const before = this.#byName.get(name);
    this.#byName.set(name, newcomer);
    let hasEntered = false;
    try {
      enter();
      hasEntered = this.#byName.get(name) === newcomer;
    } finally {
      if (!hasEntered) this.#restore(name, before);
    }
    // After the newcomer is there, so that nobody is told that the agent left.
    if (hasEntered) before?.displace();
  }

  /** The session no longer speaks for the name. */
  leave(name: string, speaker: NameHolder): void {
    if (this.#byName.get(name) === speaker) this.#byName.delete(name);
  }

  /** Sessions of every dialect that claim or share their name (protocols §1.17). */
  *claims(): Iterable<Claim> {
    for (const [name, holder] of this.#byName)
      yield {
        name,
        lose: () => {
          this.#take(name, holder);
        },
      };
  }

  proved(name: string): void {
    const holder = this.#byName.get(name);
    if (holder !== undefined) this.#take(name, holder);
  }

  #take(name: string, holder: NameHolder): void {
    const { principal } = holder;
    if (this.#byName.get(name) !== holder || principal === undefined || principal.trust === "proved") return;
    holder.displace(takenFrom(name, this.#identity.protectedLike(name)));
  }

  #restore(name: string, holder: NameHolder | undefined): void {
    if (holder === undefined) this.#byName.delete(name);
    else this.#byName.set(name, holder);
  }

  /**
   * The session whose sign of life decides; undefined if the name is free or the newcomer proves more.
   * @throws Fault conflict
   */
  #mustBeAsked({ remote }: NameHolder, principal: Principal): NameHolder | undefined {
    const name = principal.agent;
    const holder = this.#byName.get(name);
    if (principal.trust === "proved") {
      if (holder?.principal?.trust === "proved" && holder.principal.proof !== principal.proof) throw provedElse(name);
      return undefined;
    }
    const online = this.#directory.agent(name);
    if (this.#identity.isProtected(name) || online?.trust === "proved") {
      const like = this.#identity.protectedLike(name);
      throw new Fault(
        "conflict",
        like === undefined
          ? `${name} belongs to somebody who proves it; log in with its own token, or choose another name`
          : looksOwned(name, like),
      );
    }
    if (online !== undefined && holder === undefined) throw inUse(name);
    // An agent that starts again, or runs a second program: who else is there could do the same, but prove it.
    const { expectedProof } = principal;
    if (expectedProof === undefined || holder?.principal?.expectedProof !== expectedProof) return holder;
    return holder.remote === remote && !holder.isProving ? undefined : holder;
  }
}

/** A token of its own is what the newcomer has shown, so that another one is no remedy. */
function provedElse(name: string): Fault {
  return new Fault(
    "conflict",
    `${name} is in use by somebody who proves it by another token or key; choose another name, ` +
      `or ask the operator, who can end that session (broker network forget ${name})`,
  );
}

function inUse(name: string): Fault {
  return new Fault(
    "conflict",
    `${name} is in use; choose another name, or log in with a token of its own (broker token)`,
  );
}
