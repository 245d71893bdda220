import { cutText, Fault, tokenOf } from "../../core/index.js";
import type { TokenEnd, LoginListener } from "../../identity/index.js";
import type { ZmtpPeer } from "../wire/index.js";

/**
 * Who has come in on ZeroMQ under a name, is told of, and goes when its token ends. Names that subscriptions suggest
 * are no logins.
 */
export class Logins {
  // bound: zmqConnectionsMax · evicts: the listener refuses one more; a connection leaves when it is gone · owner:
  // Logins
  readonly #byToken = new Set<ZmtpPeer>();
  readonly #witness: LoginListener;

  constructor(witness: LoginListener = () => undefined) {
    this.#witness = witness;
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

  /** A connection was not let in under this name. @returns what was thrown */
  refused<T>(agent: string, remote: string, thrown: T): T {
    if (thrown instanceof Fault)
      this.#witness({ event: "login.refused", agent: cutText(agent), dialect: "zmq", remote, code: thrown.code });
    return thrown;
  }

  /** Cuts whoever speaks by a token that has ended; libzmq comes back and is refused. */
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
