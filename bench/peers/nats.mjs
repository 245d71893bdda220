// A NATS server with a TCP and a WebSocket door.
import { freePort, startServer, versionOf } from "./server.mjs";

/** @returns undefined where there is no nats-server */
export async function startNats() {
  const version = versionOf("nats-server", ["--version"], /v(\d\S*)/);
  if (version === undefined) return undefined;
  const [tcp, ws] = [await freePort(), await freePort()];
  const config = `host: 127.0.0.1\nport: ${tcp}\nwebsocket { host: 127.0.0.1, port: ${ws}, no_tls: true }\n`;
  const server = await startServer({ command: "nats-server", args: ["-c"], config, ports: [tcp, ws] });
  return { name: "NATS", version, proto: "nats-tcp", tcp: `127.0.0.1:${tcp}`, ws: `127.0.0.1:${ws}`, ...server };
}
