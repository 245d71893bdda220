import { readFileSync } from "node:fs";
import { defaultLimits } from "../../core/index.js";
import { ownPackage } from "../package-file.js";
import { reasonOf, type Check } from "./check.js";

/** Node is as new as package.json demands. */
export const nodeVersion: Check = () => {
  const { engines } = ownPackage();
  const [major = 0, minor = 0] = numbersOf(process.versions.node);
  const [needMajor = 0, needMinor = 0] = numbersOf(engines.node);
  const check = "node";
  const found = process.versions.node;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return [{ check, result: "good", found }];
  return [
    {
      check,
      result: "failed",
      found: `${found}, but ${engines.node} is needed`,
      remedy: "install a newer Node: https://nodejs.org",
    },
  ];
};

function numbersOf(version: string): readonly number[] {
  return (version.match(/\d+/g) ?? []).map(Number);
}

/** The native module that agents and this command line need loads. The broker itself does not need it. */
export const zeromqModule: Check = async () => {
  const check = "zeromq module";
  try {
    await import("../../../clients/typescript/agent/link-zeromq.js");
    return [{ check, result: "good", found: "loads" }];
  } catch (thrown) {
    return [
      {
        check,
        result: "failed",
        found: reasonOf(thrown),
        remedy:
          "run npm ci in the folder of synaptic-core; " +
          "the package brings binaries for Linux, macOS and Windows on x64 and arm64",
      },
    ];
  }
};

/** Descriptors for files, doors and the runtime, in addition to one for each connection. */
const spare = 100;

/** The process may open enough files for all its connections. Only Linux tells this about a running process. */
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
    const remedy =
      `start the broker after ulimit -n ${needed} (systemd: LimitNOFILE=${needed}), ` +
      "or allow fewer connections: --limit wsConnectionsMax=… zmqConnectionsMax=…";
    return [
      {
        check,
        result: "warning",
        found:
          `${soft}, but ${wsConnectionsMax} WebSockets and ${zmqConnectionsMax} ZeroMQ connections ` +
          `may need ${needed}`,
        remedy,
      },
    ];
  } catch (thrown) {
    return [{ check, result: "skipped", found: reasonOf(thrown) }];
  }
};
