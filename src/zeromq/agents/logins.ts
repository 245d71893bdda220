import { cutText, Fault, tokenOf, type Principal } from "../../core/index.js";
import { FailedLogins, type TokenEnd, type LoginListener } from "../../identity/index.js";
import type { ZmtpPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";

/**
 * Lets clients in under a name, tells the witness of it, and closes their connections when their token ends. Names that
 * follow from subscriptions are not logins.
 */
export class Logins {
  // bound: zmqConnectionsMax · evicts: the listener refuses one more; a connection leaves when it is gone · owner:
  // Logins
  readonly #byToken = new Set<ZmtpPeer>();
  readonly #identity: ZeromqContext["identity"];
  readonly #failed: FailedLogins;
  readonly #witness: LoginListener;

  constructor({
    identity,
    limiter,
    limits,
    witness,
  }: Pick<ZeromqContext, "identity" | "limiter" | "limits" | "witness">) {
    this.#identity = identity;
    this.#failed = new FailedLogins(limiter, limits);
    this.#witness = witness ?? (() => undefined);
  }

  /** Whom PLAIN proves. @throws Fault unauthenticated, rate-limited */
  authenticate(user: string, password: string, remote: string): Principal {
    try {
      const barred = this.#failed.barred(remote);
      if (barred !== undefined) throw barred;
      return this.#identity.plain(user, password);
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code === "unauthenticated") this.#failed.add(remote);
      this.refused(user, remote, thrown);
      throw thrown;
    }
  }

  /** A connection was let in. */
  add(peer: ZmtpPeer): void {
    const { declared, principal, remote } = peer;
    if (principal?.tokenId !== undefined) this.#byToken.add(peer);
    const agent = principal?.agent ?? declared;
    if (agent === undefined) return;
    this.#witness({
      event: "login",
      agent,
      dialect: "zmq",
      trust: principal?.trust ?? "claimed",
      remote,
      ...(principal !== undefined && tokenOf(principal)),
    });
  }

  delete(peer: ZmtpPeer): void {
    this.#byToken.delete(peer);
  }

  /** A connection was not let in under this name, because of what was `thrown`. */
  refused(agent: string, remote: string, thrown: unknown): void {
    if (thrown instanceof Fault)
      this.#witness({ event: "login.refused", agent: cutText(agent), dialect: "zmq", remote, code: thrown.code });
  }

  /** Closes the connections whose token has ended; libzmq comes back and is refused. */
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void {
    for (const peer of [...this.#byToken]) {
      const { principal, remote } = peer;
      if (principal?.tokenId === undefined) continue;
      const why = endOf(principal.tokenId);
      if (why === undefined) continue;
      this.#witness({ event: "cut", agent: principal.agent, dialect: "zmq", remote, tokenId: principal.tokenId, why });
      peer.close(`token-${why}`);
    }
  }
}
