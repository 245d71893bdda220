import { createServer, type AddressInfo, type Socket } from "node:net";
import type { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { hostOf, portOf } from "../config/index.js";

/** A way to one of this machine's own WebSocket doors, in clear text. */
export interface DoorLine {
  /** `ws://HOST:PORT` */
  readonly url: string;
  /** The certificate that the door has shown last; undefined for a door without TLS, or before anybody has come by. */
  readonly shown: () => X509Certificate | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Goes to a door by its endpoint (`endpoints.json`). A door with TLS is reached through a relay on loopback that trusts
 * whatever certificate it shows: the door is
 * this broker's own, its certificate may be for a public name, and who wants to know which it is asks {@link
 * DoorLine.shown}.
 */
export async function openLine(endpoint: string): Promise<DoorLine> {
  const door = endpoint
    .replace(/^wss?:\/\//, "")
    .replace(/^0\.0\.0\.0:/, "127.0.0.1:")
    .replace(/^\[::\]:/, "[::1]:");
  if (!endpoint.startsWith("wss:"))
    return { url: `ws://${door}`, shown: () => undefined, close: () => Promise.resolve() };
  let shown: X509Certificate | undefined;
  // bound: connections of the one command that opens it · evicts: a socket leaves when it closes · owner: openLine
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
