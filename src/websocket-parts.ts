import { accessRules, hostOf, portOf, type BrokerConfig } from "./config/index.js";
import { Fault } from "./core/index.js";
import type { EntryPoints } from "./dialect/index.js";
import { Access, readTlsPair, WsEdge, type TlsPair, type WsEdgeOptions } from "./websocket/edge/index.js";

/** What the WebSocket doors take from the other parts. */
type Given = Omit<WsEdgeOptions, "access" | "tls" | "listen" | "dialects" | "limits">;

/** The doors, who may connect to them, and their certificate and key; `tls` undefined: they are clear text. */
export interface WebSocketParts {
  readonly ws: WsEdge;
  readonly access: Access;
  readonly tls: TlsPair | undefined;
}

/**
 * The WebSocket doors of a broker.
 * @throws Fault malformed (a door for an unknown dialect, a certificate and a key that do not fit), unavailable (their
 * files)
 */
export function assembleWebSocket(config: BrokerConfig, given: Given): WebSocketParts {
  const { dialects, limits, tlsCert: cert, tlsKey: key } = config;
  const access = new Access(accessRules(config));
  const tls = cert === undefined || key === undefined ? undefined : readTlsPair({ cert, key });
  const at = (door: string) => ({ host: hostOf(door), port: portOf(door) });
  const listen = [
    ...config.ws.map(at),
    ...Object.entries(config.ownDoors).map(([own, door]) => ({ ...at(door), own: knownDialect(own, dialects) })),
  ];
  return { ws: new WsEdge({ ...given, access, tls, listen, dialects, limits }), access, tls };
}

/** @throws Fault malformed */
function knownDialect(name: string, dialects: readonly EntryPoints[]): string {
  if (dialects.some((dialect) => dialect.name === name)) return name;
  throw new Fault(
    "malformed",
    `there is no dialect ${name}; there are ${dialects.map((dialect) => dialect.name).join(", ")}`,
  );
}
