import type { Trust } from "../core/index.js";
import type { RefusedLogin, TokenListing } from "../identity/index.js";
import type { TracedHead, TraceQuery } from "../telemetry/message-trace.js";

/** The certificate of the WebSocket doors. */
export interface DoorCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly hosts: readonly string[];
  /** SHA-256, as TLS peers write it. */
  readonly fingerprint: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** A connection that is open: a WebSocket session, or one of the sockets of a ZeroMQ agent. */
export interface OpenConnection {
  readonly id: string;
  /** `zmq`, or the name of the dialect. */
  readonly dialect: string;
  /** ZeroMQ: the agents' PUB sockets connect `in`, their SUB sockets `out`. */
  readonly door?: "in" | "out";
  /** Undefined: it has not logged in, or has no name. */
  readonly agent: string | undefined;
  readonly trust: Trust | undefined;
  readonly remote: string;
  /** Wall clock, milliseconds. */
  readonly since: number;
  /** Bytes that wait for it. */
  readonly backlog: number;
  /** Messages for it that were dropped because it is slow. */
  readonly dropped: number;
}

/** Who asks for what only the operator may, for the audit log. */
export interface Operator {
  readonly agent: string;
  /** The token that it shows. */
  readonly tokenId?: string;
}

/** What only the operator is told, and does, at the desk. */
export interface Office {
  /** Of the last 10,000 messages that the broker has looked at, newest last. */
  trace(query: TraceQuery): readonly TracedHead[];
  /** How often something was refused, dropped or cut, by reason. */
  reasons(): Readonly<Record<string, number>>;
  /** The last ones, newest first. */
  refusedLogins(): readonly RefusedLogin[];
  /** Undefined: the doors are clear text. */
  certificate(): DoorCertificate | undefined;
  now(): number;
  /** The valid tokens of agents, oldest first. @throws Fault unavailable */
  tokens(): readonly TokenListing[];
  /**
   * Takes a token away, on the disk, and cuts what uses it; whoever asks for that by the same token hears the answer
   * before.
   * @throws Fault not-found, unavailable, as rejections
   */
  revoke(id: string, by: Operator): Promise<TokenListing>;
  /** In any order. */
  connections(): Iterable<OpenConnection>;
  /** Closes a connection. @returns what it was; undefined: there is none of this id */
  close(id: string, by: Operator): OpenConnection | undefined;
}
