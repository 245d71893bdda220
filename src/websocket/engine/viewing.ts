import { displayName, Fault, isControlName, type Principal, type Subscriber } from "../../core/index.js";
import type { EngineContext } from "./context.js";

/** Letters of a subject that are shown where it is too long: each may take two places. */
const shownMax = 60;

/** A session that looks. */
export interface ViewingSession extends Subscriber {
  readonly isOver: boolean;
  /** Whom it speaks for or looks for; undefined before its login. */
  readonly principal: Principal | undefined;
}

/**
 * One session as a viewer (Visualisation §1.4): it has the rights of its token and nobody's name. With a name of its own
 * it commands, and hears what is for that name; else it says and hears nothing.
 */
export class Viewing {
  readonly #context: { readonly router: EngineContext["router"]; readonly services: EngineContext["services"] };
  readonly #session: ViewingSession;
  #principal: Principal | undefined;
  #speaker: Principal | undefined;
  #endName: (() => void) | undefined;

  constructor(context: Pick<EngineContext, "router" | "services">, session: ViewingSession) {
    this.#context = context;
    this.#session = session;
  }

  /** Who looks; undefined where the session is no viewer. */
  get principal(): Principal | undefined {
    return this.#principal;
  }

  /** As whom it commands; undefined where it has no name. */
  get speaker(): Principal | undefined {
    return this.#speaker;
  }

  /**
   * @param name reserved for it, as `control-SESSION`
   * @throws Fault conflict (it has logged in already, the name is another session's), forbidden (a name, and a token
   * that others have, too), going-away, internal (no name of this form)
   */
  begin(principal: Principal, name: string | undefined): void {
    const session = this.#session;
    if (session.isOver) throw new Fault("going-away", "the connection closed while it logged in");
    if (session.principal !== undefined)
      throw new Fault(
        "conflict",
        `this session has logged in by the token of ${session.principal.agent} already; open another connection`,
      );
    if (name !== undefined) {
      if (!isControlName(name)) throw new Fault("internal", `${name} is no name for a session that commands`);
      if (principal.trust !== "proved") throw new Fault("forbidden", "only who proves who it is commands agents");
      const { router, services } = this.#context;
      const endName = services.directory.command(name);
      const endTopic = router.subscribe(name, session);
      this.#endName = () => {
        endTopic();
        endName();
      };
    }
    this.#take(principal, name);
  }

  /** A newer token of the same owner. @throws Fault conflict, going-away */
  raise(principal: Principal): void {
    const before = this.#principal;
    if (this.#session.isOver) throw new Fault("going-away", "the session has ended");
    if (before === undefined || principal.proof === undefined || principal.proof !== before.proof)
      throw new Fault("conflict", "this token is of another owner than that of the login; open another connection");
    this.#take(principal, this.#speaker?.agent);
  }

  /** Nobody hears it any more, and nothing is for it. */
  end(): void {
    this.#endName?.();
    this.#endName = undefined;
  }

  #take(principal: Principal, name: string | undefined): void {
    this.#principal = principal;
    if (name !== undefined)
      this.#speaker = { ...principal, agent: name, displayName: shownSubject(principal), temporary: true };
  }
}

/** The subject of another issuer's token can be longer than a display name, and hold what none may. */
function shownSubject({ agent }: Principal): string {
  if (displayName.safeParse(agent).success) return agent;
  const [...letters] = agent.replace(/[\u0000-\u001f\u007f-\u009f]/gu, "\ufffd");
  return letters.length <= shownMax ? letters.join("") : `${letters.slice(0, shownMax).join("")}…`;
}
