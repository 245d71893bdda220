import { X509Certificate } from "node:crypto";
import { Fault, type Clock, type Exchange } from "./core/index.js";
import type { DoorCertificate, Office, OpenConnection, Operator } from "./desk/index.js";
import type { RefusedLogins, TokenEnd, TokenListing } from "./identity/index.js";
import { auditedToken, type AuditEvent } from "./ops/index.js";
import { MessageTrace } from "./telemetry/message-trace.js";
import type { OpenSession } from "./websocket/engine/index.js";
import { hostsOf, type TlsPair } from "./websocket/edge/index.js";
import type { ZmtpConnectionStatus } from "./zeromq/wire/index.js";

/** Cuts connections whose token has ended. */
interface Cutting {
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void;
}

/** Where the office looks, and what it does there. */
export interface OfficeParts {
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly refused: Pick<RefusedLogins, "rows">;
  readonly identity: {
    list(): readonly TokenListing[];
    revoke(id: string): Promise<readonly TokenListing[]>;
    endOf(tokenId: string): TokenEnd | undefined;
  };
  readonly audited: (line: AuditEvent) => void;
  /** The parts that are built later. */
  readonly doors: () => {
    readonly zmtp: { connections(): readonly ZmtpConnectionStatus[]; cut(id: string, reason: string): boolean };
    readonly zeromqAgents: Cutting & { names(): ReadonlyMap<string, string> };
    readonly bridges: Cutting & {
      list(): Iterable<OpenSession & { readonly dialect: string }>;
      endSession(id: string, fault: Fault): boolean;
    };
    /** Of the WebSocket doors at this moment; undefined: they are clear text. */
    readonly tls: TlsPair | undefined;
  };
}

/** What the operator is told at the desk, and what it does there (protocols §2.1). It begins to note what is routed. */
export function officeOf({ exchange, clock, refused, identity, audited, doors }: OfficeParts): Office {
  const trace = new MessageTrace();
  exchange.follow((envelope, message) => {
    trace.take(envelope, message);
  });
  return {
    trace: (query) => trace.find(query),
    reasons: () => exchange.ledger.reasons,
    refusedLogins: () => refused.rows,
    certificate: () => certificateOf(doors().tls),
    now: () => clock.now(),
    tokens: () => identity.list(),
    async revoke(id, by) {
      // Revoking by an id takes an agent's name, too, which is not meant here.
      const isThere = identity.list().some((token) => token.id === id);
      const [revoked] = isThere ? await identity.revoke(id) : [];
      if (revoked === undefined)
        throw new Fault(
          "not-found",
          `there is no valid token ${JSON.stringify(id)}; tokens.list tells all. The operator's and the shared one are ` +
            "files of the data directory (operator-token, pan-token): replace them there",
        );
      audited({ event: "token.revoked", by: by.agent, ...auditedToken(revoked) });
      const { bridges, zeromqAgents } = doors();
      // Who revokes its own token hears the answer, and is cut with the next round that looks for ended ones.
      const endOf = (tokenId: string): TokenEnd | undefined =>
        tokenId === by.tokenId ? undefined : identity.endOf(tokenId);
      for (const each of [zeromqAgents, bridges]) each.endTokens(endOf);
      return revoked;
    },
    connections: () => connectionsOf(doors()),
    close: (id, by) => close(id, by, doors(), audited),
  };
}

function certificateOf(pair: TlsPair | undefined): DoorCertificate | undefined {
  if (pair === undefined) return undefined;
  const certificate = new X509Certificate(pair.cert); // the first of the chain
  const { subject, issuer, fingerprint256: fingerprint, validFrom, validTo } = certificate;
  return {
    subject: oneLine(subject),
    issuer: oneLine(issuer),
    hosts: hostsOf(certificate),
    fingerprint,
    validFrom: new Date(validFrom),
    validTo: new Date(validTo),
  };
}

/** `CN=broker.lan, O=Lab`. */
function oneLine(name: string): string {
  return name.split("\n").join(", ");
}

function* connectionsOf({ zmtp, zeromqAgents, bridges }: ReturnType<OfficeParts["doors"]>): Iterable<OpenConnection> {
  const names = zeromqAgents.names();
  for (const { id, door, remote, declared, trust, since, buffered: backlog, dropped } of zmtp.connections()) {
    const agent = declared ?? names.get(id);
    yield {
      id,
      dialect: "zmq",
      door,
      agent,
      trust: agent === undefined ? undefined : (trust ?? "claimed"),
      remote,
      since,
      backlog,
      dropped,
    };
  }
  yield* bridges.list();
}

function close(
  id: string,
  by: Operator,
  doors: ReturnType<OfficeParts["doors"]>,
  audited: OfficeParts["audited"],
): OpenConnection | undefined {
  const { zmtp, bridges } = doors;
  for (const connection of connectionsOf(doors)) {
    if (connection.id !== id) continue;
    const { agent, dialect, remote } = connection;
    const fault = new Fault("going-away", "the operator has closed this connection", { fatal: true });
    const isClosed = dialect === "zmq" ? zmtp.cut(id, "closed-by-operator") : bridges.endSession(id, fault);
    if (!isClosed) return undefined;
    audited({ event: "connection.closed", by: by.agent, id, dialect, ...(agent !== undefined && { agent }), remote });
    return connection;
  }
  return undefined;
}
