import { existsSync } from "node:fs";
import type { Check } from "./finding.js";

/** A broker that lives and says where it is. */
export const runningBroker: Check = ({ data, endpoints }) => {
  const check = "broker";
  if (endpoints !== undefined) return [{ check, result: "good", found: `runs, pid ${endpoints.pid}` }];
  const left = existsSync(data.file("endpoints.json")) ? ", a dead one has left its endpoints.json" : "";
  return [
    {
      check,
      result: "failed",
      found: `none runs on ${data.path}${left}`,
      remedy: "start one: broker start; or name its folder: --data-dir",
    },
  ];
};
