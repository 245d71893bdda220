// A Redis server that writes nothing to disk.
import { freePort, startServer, versionOf } from "./server.mjs";

/** @returns undefined where there is no redis-server */
export async function startRedis() {
  const version = versionOf("redis-server", ["--version"], /v=(\S+)/);
  if (version === undefined) return undefined;
  const port = await freePort();
  const server = await startServer({
    command: "redis-server",
    config: `bind 127.0.0.1\nport ${port}\nsave ""\nappendonly no\n`,
    ports: [port],
  });
  return { name: "Redis", version, proto: "redis", tcp: `127.0.0.1:${port}`, ...server };
}
