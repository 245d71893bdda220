// A Mosquitto that keeps nothing, drops nothing of what waits, and does not hold small packets back.
import { freePort, startServer, versionOf } from "./server.mjs";

/** @returns undefined where there is no mosquitto */
export async function startMosquitto() {
  const version = versionOf("mosquitto", ["-h"], /version (\S+)/);
  if (version === undefined) return undefined;
  const port = await freePort();
  const config = `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\nset_tcp_nodelay true\nlog_dest stderr\nlog_type error\nlog_type warning\n`;
  const server = await startServer({ command: "mosquitto", args: ["-c"], config, ports: [port] });
  return { name: "Mosquitto", version, proto: "mqtt", tcp: `127.0.0.1:${port}`, ...server };
}
