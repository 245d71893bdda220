import { Fault } from "../core/index.js";
import { hostOf, isLocalUrl, isLoopback } from "./doors.js";
import type { BrokerConfig } from "./options.js";

/**
 * Doors that strangers can reach need a word that says it is meant (protocols: data directory and doors).
 * @returns a problem for each kind of door, with the remedies
 */
export function openDoors(config: BrokerConfig): readonly Fault[] {
  const problems: Fault[] = [];
  const open = [...(config.zmqIn ?? []), ...(config.zmqOut ?? [])].find((url) => !isLocalUrl(url));
  if (open !== undefined && !config.insecure && !config.behindTunnel) {
    problems.push(
      new Fault(
        "forbidden",
        `${open} can be reached from other machines and ZeroMQ is not encrypted: bind 127.0.0.1, or say --behind-tunnel if a tunnel protects the line, or --insecure if you mean it`,
      ),
    );
  }
  const openWs = [...config.ws, ...Object.values(config.ownDoors)].find((door) => !isLoopback(hostOf(door)));
  if (openWs !== undefined && config.tlsCert === undefined && !config.insecure && !config.behindProxy) {
    problems.push(
      new Fault(
        "forbidden",
        `ws ${openWs} can be reached from other machines without TLS: bind 127.0.0.1, or give --tls-cert and --tls-key, or say --behind-proxy if a proxy ends TLS before it, or --insecure if you mean it`,
      ),
    );
  }
  return problems;
}
