import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { doorsOf, hostOf, type Layered } from "../config/index.js";
import { Fault } from "../core/index.js";
import { resolveDataDirectory } from "../storage/index.js";

/** A problem for each door whose host this machine cannot listen at, or whose folder is not there. */
export async function closedHosts({ config, nameOf }: Pick<Layered, "config" | "nameOf">): Promise<readonly Fault[]> {
  const found: Fault[] = [];
  const dataDir = resolveDataDirectory({ dataDir: config.dataDir });
  for (const { path, url } of doorsOf(config, dataDir)) {
    if (url.startsWith("ipc:///")) {
      const folder = dirname(url.slice("ipc://".length));
      // The data directory itself is made at the start.
      if (resolve(folder) !== dataDir && !existsSync(folder))
        found.push(
          new Fault(
            "malformed",
            `${nameOf(path)}: ${url}: there is no folder ${folder}; make it (mkdir -m 700 ${folder}), or choose another path`,
          ),
        );
    }
    if (url.startsWith("ipc://")) continue;
    const host = hostOf(url.replace(/^tcp:\/\//, ""));
    const code = host === "*" ? undefined : await whyClosed(host);
    if (code !== undefined)
      found.push(
        new Fault(
          "malformed",
          `${nameOf(path)}: ${url}: ${wordsOf(host, code)}; write an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them`,
        ),
      );
  }
  return found;
}

/** The system's code, or undefined if one can listen there. */
function whyClosed(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen(0, host, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

function wordsOf(host: string, code: string): string {
  switch (code) {
    case "ENOTFOUND":
      return `there is no machine called ${host}`;
    case "EAI_AGAIN":
      return `the name ${host} cannot be looked up now`;
    case "EADDRNOTAVAIL":
      return `${host} is no address of this machine`;
    default:
      return `this machine cannot listen at ${host} (${code})`;
  }
}
