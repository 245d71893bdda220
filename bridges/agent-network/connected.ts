import { Fault, type Services } from "#dialect";
import type { NetworkSession } from "./state.js";

/** Which agents are connected in this dialect, and how many of each user (Agent Network §2.8). */
export class Connected {
  // bound: wsConnectionsMax · evicts: a session when it ends or is displaced · owner: Connected
  readonly #sessions = new Map<string, NetworkSession>();
  // bound: wsConnectionsMax · evicts: a user with the last of its agents · owner: Connected
  readonly #byOwner = new Map<string, number>();

  /** True if an agent of this name hears frames as they are. */
  has(agent: string): boolean {
    return this.#sessions.has(agent);
  }

  /** The session speaks for its agent from now on. */
  enter(agent: string, session: NetworkSession): void {
    this.#sessions.set(agent, session);
  }

  /** The session has ended. An agent that has come back meanwhile stays. */
  leave(session: NetworkSession): void {
    session.state.life = "ended";
    const agent = session.principal?.agent;
    if (agent !== undefined && this.#sessions.get(agent) === session) this.#sessions.delete(agent);
    this.#release(session);
  }

  /**
   * Counts a session that is about to speak for an agent of `owner`. One that takes the place of an older session of the
   * same agent needs none of its own.
   * @throws Fault full
   */
  count(session: NetworkSession, owner: string, agent: string): void {
    if (session.state.life === "ended") throw new Fault("going-away", "the connection closed while it logged in");
    const { networkAgentsPerUserMax: max } = session.limits;
    const used = this.#byOwner.get(owner) ?? 0;
    const isAgain = this.#sessions.get(agent)?.state.owner === owner;
    if (used >= max && !isAgain)
      throw new Fault(
        "full",
        `${String(max)} agents of this user are connected, which is as many as may be; disconnect one first`,
      );
    this.#release(session);
    this.#byOwner.set(owner, (this.#byOwner.get(owner) ?? 0) + 1);
    session.state.owner = owner;
  }

  #release({ state }: NetworkSession): void {
    const { owner } = state;
    if (owner === undefined) return;
    state.owner = undefined;
    const left = (this.#byOwner.get(owner) ?? 1) - 1;
    if (left > 0) this.#byOwner.set(owner, left);
    else this.#byOwner.delete(owner);
  }
}

/** Those of this broker. */
export function connectedOf(services: Services): Connected {
  return services.once("connected", () => new Connected());
}
