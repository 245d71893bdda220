import { ConnectionsPerAddress, Places, type Clock, type Limits } from "../../core/index.js";
import type { Connection, ConnectionPhase } from "./connection.js";

type EntranceLimits = Pick<
  Limits,
  | "zmqConnectionsMax"
  | "zmqHalfOpenMax"
  | "zmqConnectionsPerAddressMax"
  | "zmqHandshakesPerSecond"
  | "zmqHandshakesBurst"
  | "zmqAddressesMax"
>;

/** Why a connection may not come in for now; also the ledger's reason. */
export type Turned = "zmtp-full" | "zmtp-address-full" | "zmtp-address-hasty";

/** What to do about it, for people. */
export const remedies: Readonly<Record<Turned, string>> = {
  "zmtp-full": "too many ZeroMQ connections: raise zmqConnectionsMax or zmqHalfOpenMax, or let some go",
  "zmtp-address-full": "too many ZeroMQ connections of one address: raise zmqConnectionsPerAddressMax, or let some go",
  "zmtp-address-hasty":
    "too many new ZeroMQ connections of one address at once: raise zmqHandshakesPerSecond or zmqHandshakesBurst, or " +
    "let its agents keep their connections",
};

/** The ledger's reasons for what one address may not have. */
const addressReasons = { full: "zmtp-address-full", hasty: "zmtp-address-hasty" } as const;

const uncounted = (): void => undefined;

/** What is done with a connection that has lost its place to another one. */
export interface Losers {
  /** It has not finished its handshake. */
  readonly halfOpen: (connection: Connection) => void;
  /** It was refused, and waited to be closed. */
  readonly held: (connection: Connection) => void;
}

/** Who may come in at all ZeroMQ doors: places and paces, a share of them for each address (ZeroMQ §4.4). */
export class Entrance {
  /** Those who are in, and what gives back their places at their addresses. */
  // bound: zmqConnectionsMax · evicts: one more is not let in; each when it is refused or closed · owner: Entrance
  readonly #inside = new Map<Connection, () => void>();
  readonly #halfOpen: Places<Connection>;
  readonly #held: Places<Connection>;
  readonly #perAddress: ConnectionsPerAddress;
  readonly #limits: EntranceLimits;

  constructor(limits: EntranceLimits, clock: Clock, losers: Losers) {
    this.#limits = limits;
    this.#halfOpen = new Places(() => limits.zmqHalfOpenMax, losers.halfOpen);
    this.#held = new Places(() => limits.zmqHalfOpenMax, losers.held);
    this.#perAddress = new ConnectionsPerAddress(
      () => ({
        connectionsMax: limits.zmqConnectionsPerAddressMax,
        perSecond: limits.zmqHandshakesPerSecond,
        burst: limits.zmqHandshakesBurst,
        addressesMax: limits.zmqAddressesMax,
      }),
      clock,
    );
  }

  /** Lets a connection in that begins its handshake. @returns why it may not come in */
  enter(connection: Connection): Turned | undefined {
    if (this.#inside.size >= this.#limits.zmqConnectionsMax) return "zmtp-full";
    const leave = connection.isLocal ? uncounted : (this.#perAddress.enter(connection.remote) ?? uncounted);
    if (typeof leave === "string") return addressReasons[leave];
    if (!this.#halfOpen.take(connection, addressOf(connection))) {
      leave();
      return "zmtp-full";
    }
    this.#inside.set(connection, leave);
    return undefined;
  }

  /** Finds a place for a connection that is refused, until it is closed. @returns false if there is none */
  hold(connection: Connection): boolean {
    return this.#held.take(connection, addressOf(connection));
  }

  /**
   * A connection has entered another phase.
   * @returns false if there is no place for it: it is to be closed
   */
  moved(connection: Connection, to: ConnectionPhase): boolean {
    this.#halfOpen.leave(connection);
    if (to === "open" || to === "leaving") return true;
    this.#inside.get(connection)?.();
    this.#inside.delete(connection);
    if (to === "delayed" || to === "refused") return this.hold(connection);
    this.#held.leave(connection);
    return true;
  }
}

/** Who a connection's places are charged to: connections of this machine to nobody. */
function addressOf({ isLocal, remote }: Connection): string | undefined {
  return isLocal ? undefined : remote;
}
