import { readFileSync } from "node:fs";
import { defaultLimits } from "../../core/index.js";
import { reasonOf, type Check } from "./finding.js";

/** Files, doors and the system's own; beside one for each connection. */
const spare = 100;

/** The process may open as many files as it takes connections. Linux tells for any process of ours. */
export const descriptors: Check = ({ layered, endpoints }) => {
  const check = "file descriptors";
  if (process.platform !== "linux") return [{ check, result: "skipped", found: `not known on ${process.platform}` }];
  const { wsConnectionsMax, zmqConnectionsMax } = layered?.config.limits ?? defaultLimits;
  const needed = wsConnectionsMax + zmqConnectionsMax + spare;
  try {
    const limits = readFileSync(`/proc/${endpoints?.pid ?? "self"}/limits`, "utf8");
    const [, soft = ""] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
    if (soft === "unlimited" || Number(soft) >= needed)
      return [{ check, result: "good", found: `${soft}, enough for ${needed - spare} connections` }];
    const remedy = `start the broker after ulimit -n ${needed} (systemd: LimitNOFILE=${needed}), or take fewer: --limit wsConnectionsMax=… zmqConnectionsMax=…`;
    return [
      {
        check,
        result: "warning",
        found: `${soft}, and ${wsConnectionsMax} WebSockets with ${zmqConnectionsMax} ZeroMQ connections may need ${needed}`,
        remedy,
      },
    ];
  } catch (thrown) {
    return [{ check, result: "skipped", found: reasonOf(thrown) }];
  }
};
