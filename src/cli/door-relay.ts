import { createServer, type AddressInfo, type Socket } from "node:net";
import type { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { hostOf, portOf } from "../config/index.js";

/** A URL in clear text for one of this machine's own WebSocket doors. */
export interface DoorRelay {
  /** `ws://HOST:PORT` */
  readonly url: string;
  /** The certificate that the door showed last; undefined for a door without TLS, or before the first connection. */
  readonly shown: () => X509Certificate | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Makes a door usable for the clients of this command line. `endpoint` is its URL in `endpoints.json`. A door without
 * TLS needs no relay. One with TLS is reached through a relay on loopback that accepts any certificate, because the
 * certificate may be for a public name, and the door belongs to this machine's own broker. {@link DoorRelay.shown}
 * tells which certificate it was.
 */
export async function openRelay(endpoint: string): Promise<DoorRelay> {
  const door = endpoint
    .replace(/^wss?:\/\//, "")
    .replace(/^0\.0\.0\.0:/, "127.0.0.1:")
    .replace(/^\[::\]:/, "[::1]:");
  if (!endpoint.startsWith("wss:"))
    return { url: `ws://${door}`, shown: () => undefined, close: () => Promise.resolve() };
  let shown: X509Certificate | undefined;
  // bound: connections of the one command that opens it · evicts: a socket leaves when it closes · owner: openRelay
  const sockets = new Set<Socket>();
  const relay = createServer((near) => {
    const far = connect({ host: hostOf(door), port: portOf(door), rejectUnauthorized: false }, () => {
      shown = far.getPeerX509Certificate();
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {
        other.destroy();
      });
      one.once("close", () => {
        sockets.delete(one);
        other.end();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve, reject) => {
    relay.once("error", reject);
    relay.listen(0, "127.0.0.1", resolve);
  });
  const { port } = relay.address() as AddressInfo; // a listening TCP server has one
  return {
    url: `ws://127.0.0.1:${port}`,
    shown: () => shown,
    close: () =>
      new Promise((resolve) => {
        relay.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}
