import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { doorsOf, flagOf, hostOf, portOf, type NamedDoor } from "../../config/index.js";
import type { Endpoints } from "../../storage/index.js";
import type { Check, Finding } from "./check.js";

/** A broker runs on this data directory and has written where it can be reached. */
export const runningBroker: Check = ({ data, endpoints }) => {
  const check = "broker";
  if (endpoints !== undefined) return [{ check, result: "good", found: `runs, pid ${endpoints.pid}` }];
  const left = existsSync(data.file("endpoints.json")) ? "; one that no longer runs has left its endpoints.json" : "";
  return [
    {
      check,
      result: "failed",
      found: `none runs on ${data.path}${left}`,
      remedy: "start one: broker start; or name its folder: --data-dir",
    },
  ];
};

/**
 * Every port of the configuration is free, or the running broker listens there. If the configuration does not name
 * doors, those of the running broker are checked: it was started with flags that name them.
 */
export const ports: Check = async ({ layered, data, endpoints }) => {
  if (layered === undefined) return [];
  const isItsOwn = (path: string): boolean => endpoints !== undefined && layered.originOf(path) === "default";
  const doors = doorsOf(layered.config, data.path).filter(
    ({ path, url }) => !url.startsWith("ipc://") && !isItsOwn(path),
  );
  const open =
    endpoints === undefined
      ? []
      : doorsIn(endpoints).filter(({ path, url }) => !url.startsWith("ipc:") && isItsOwn(path));
  const ours = open.map(({ path, url }): Finding => ({ check: `port ${path}`, result: "good", found: `${url}: ours` }));
  return ours.concat(
    await Promise.all(
      doors.map(async ({ path, url }): Promise<Finding> => {
        const check = `port ${path}`;
        const door = url.replace(/^tcp:\/\//, "");
        if (portOf(door) === 0) return { check, result: "good", found: `${url}: chosen by the system at each start` };
        if (isOurs(endpoints, portOf(door))) return { check, result: "good", found: `${url}: ours` };
        const code = await whyTaken(hostOf(door), portOf(door));
        if (code === undefined) return { check, result: "good", found: `${url}: free` };
        if (code !== "EADDRINUSE")
          return {
            check,
            result: "failed",
            found: `${url}: ${code}`,
            remedy:
              code === "EACCES"
                ? `choose a port above 1023 with ${flagOf(path)}`
                : `choose another address with ${flagOf(path)}`,
          };
        return {
          check,
          result: "failed",
          found: `${url}: another program listens there`,
          remedy:
            `ss -ltnp 'sport = :${portOf(door)}' tells which; ` + `end it, or choose another port with ${flagOf(path)}`,
        };
      }),
    ),
  );
};

function doorsIn({ zmqIn, zmqOut, ws, own = {} }: Endpoints): readonly NamedDoor[] {
  return Object.entries({ zmqIn, zmqOut, ws, ownDoors: Object.values(own) }).flatMap(([path, urls]) =>
    urls.map((url) => ({ path, url })),
  );
}

function isOurs(endpoints: Endpoints | undefined, port: number): boolean {
  if (endpoints === undefined) return false;
  return doorsIn(endpoints).some(({ url }) => !url.startsWith("ipc:") && portOf(url) === port);
}

/** The system's code, or undefined if one can listen there. */
function whyTaken(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen({ port, ...(host !== "*" && { host }) }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
