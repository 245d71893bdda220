import type { Principal } from "../../core/index.js";
import type { Connection, DialectTypes } from "../../dialect/index.js";
import type { Membership } from "./membership.js";
import type { NameHolder } from "./name-conflicts.js";
import { proofEndOf, type ProofEnd } from "./proof-end.js";
import type { SessionLoop } from "./session-loop.js";
import type { SessionOwner } from "./session-owner.js";
import type { Viewing } from "./viewing.js";

/** A session that logs in. */
export interface LoginSession extends NameHolder {
  readonly remote: string;
  readonly connection: Pick<Connection, "admitted">;
  readonly rooms: ReadonlySet<string>;
  readonly loop: Pick<SessionLoop<never>, "pay"> | undefined;
  /** @throws Fault unauthenticated, going-away */
  speaker(): Principal;
}

/** As whom one session speaks: its login, and what changes its name or proves it better. */
export class Login<T extends DialectTypes> {
  /** Ends the time that it has for its login. */
  cancelWait: (() => void) | undefined;
  firstName: string | undefined;
  /** What ends the session when it ends, whatever the session is called then. */
  proofEnd: ProofEnd | undefined;
  readonly #owner: Pick<SessionOwner<T>, "context" | "dialect" | "witness">;
  readonly #session: LoginSession;
  readonly #membership: Membership;

  constructor(
    owner: Pick<SessionOwner<T>, "context" | "dialect" | "witness">,
    session: LoginSession,
    membership: Membership,
  ) {
    this.#owner = owner;
    this.#session = session;
    this.#membership = membership;
  }

  /** The session looks, and is nobody; `begun` is called before others hear of it. @throws as {@link Viewing.begin} */
  view(viewing: Viewing, principal: Principal, name: string | undefined, begun: () => void): void {
    viewing.begin(principal, name);
    begun();
    this.#entered(principal, "a viewer is admitted");
  }

  /** `greet` is called in one turn with the arrival: what others say to the new name comes after the greeting. */
  admit(principal: Principal, listed: boolean, greet: () => void): Promise<void> {
    return this.#membership.enter(this.#session, principal, listed, () => {
      this.firstName = principal.agent;
      this.#entered(principal, "session admitted");
      greet();
    });
  }

  async raise(principal: Principal, viewing: Viewing | undefined): Promise<void> {
    if (viewing === undefined) await this.#membership.raise(principal);
    else viewing.raise(principal);
    this.#proved(principal);
  }

  /** `renamed` is called in the same turn in which the session has the other name. */
  async rename(principal: Principal, renamed: () => void): Promise<void> {
    const session = this.#session;
    if (principal.agent === session.speaker().agent) {
      await this.raise(principal, undefined);
      return;
    }
    session.loop?.pay(session.rooms.size); // each room hears of it
    await this.#membership.rename(session, principal, () => {
      renamed();
      this.#proved(principal);
    });
  }

  #entered(principal: Principal, event: string): void {
    const { context, dialect } = this.#owner;
    const session = this.#session;
    session.connection.admitted();
    this.proofEnd = proofEndOf(principal);
    this.cancelWait?.();
    this.cancelWait = undefined;
    const { agent, trust } = principal;
    context.log("info", event, { dialect: dialect.name, agent, trust, remote: session.remote });
    this.#owner.witness("login", session);
  }

  /** A newer token takes the place of the one before; what comes without one, as a key does, leaves that in force. */
  #proved(principal: Principal): void {
    this.proofEnd = proofEndOf(principal) ?? this.proofEnd;
    this.#owner.witness("login", this.#session);
  }
}
