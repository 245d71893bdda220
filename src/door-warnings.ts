import { isLocalDoor, isLocalUrl, type BrokerConfig } from "./config/index.js";
import type { Log } from "./core/index.js";
import type { TlsPair } from "./websocket/edge/index.js";
import { outOfDate } from "./websocket/edge/tls.js";

/** Logs what is insecure about the doors of this broker and about who is let in, and a certificate that clients refuse today. */
export function warnAboutDoors(config: BrokerConfig, tls: TlsPair | undefined, log: Log): void {
  const problem = tls === undefined ? undefined : outOfDate(tls, new Date());
  if (problem !== undefined)
    log("warn", `the certificate ${problem}; until then clients refuse it`, { certificate: config.tlsCert });
  for (const provider of config.identityProviders)
    if ("firebase" in provider && provider.emulator)
      log("warn", "tokens of the Firebase emulator are taken, which anybody can make", { project: provider.firebase });
  for (const door of [...config.ws, ...Object.values(config.ownDoors)]) {
    if (!isLocalDoor(door) && config.tlsCert === undefined && !config.behindProxy)
      log("warn", "this WebSocket door is clear text and can be reached from other machines", { door });
  }
  for (const url of [...(config.zmqIn ?? []), ...(config.zmqOut ?? [])]) {
    if (!isLocalUrl(url)) log("warn", "this ZeroMQ door is clear text and can be reached from other machines", { url });
  }
}
