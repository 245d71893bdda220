import { isIP } from "node:net";
import { join } from "node:path";

/** The default doors for ZeroMQ agents: tcp on loopback, and an ipc socket in the data directory. */
export const usualZmqDoors = Object.freeze({
  zmqIn: (dataDir: string): readonly string[] => ["tcp://127.0.0.1:5555", `ipc://${join(dataDir, "in.sock")}`],
  zmqOut: (dataDir: string): readonly string[] => ["tcp://127.0.0.1:5556", `ipc://${join(dataDir, "out.sock")}`],
});

/** True for a ZeroMQ URL that only this machine can reach. */
export function isLocalUrl(url: string): boolean {
  return url.startsWith("ipc://") || isLoopback(hostOf(url.slice("tcp://".length)));
}

/** True for a door of `HOST:PORT` form that only this machine can reach. */
export function isLocalDoor(door: string): boolean {
  return isLoopback(hostOf(door));
}

/** The host of `HOST:PORT`; IPv6 in brackets. */
export function hostOf(door: string): string {
  return door.slice(0, door.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

/** The port of `HOST:PORT`; `*`, as libzmq writes a port that the system chooses, is 0. */
export function portOf(door: string): number {
  const port = door.slice(door.lastIndexOf(":") + 1);
  return port === "*" ? 0 : Number(port);
}

/** True for a host that is this machine: `localhost`, `::1`, `127.…`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** True for an IP address, or a network as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
