import { existsSync, readdirSync, statSync } from "node:fs";
import { asFault } from "../../core/index.js";
import type { DataDirectory } from "../../storage/index.js";
import type { Check } from "./finding.js";

/** Written by whoever configures the broker; it holds no secret. */
const open: ReadonlySet<string> = new Set(["config.json"]);

/** The folder is its owner's alone (0700), and so is what lies in it (0600). */
export const dataDirectory: Check = ({ data }) => {
  const check = "data directory";
  try {
    data.inspect();
    if (!existsSync(data.path)) return [{ check, result: "good", found: `${data.path} is made at the first start` }];
    const loose = looseIn(data);
    if (loose.length === 0) return [{ check, result: "good", found: data.path }];
    return [
      {
        check,
        result: "failed",
        found: `others could read ${loose.join(", ")}, were the folder open`,
        remedy: `chmod go= ${loose.map((name) => data.file(name)).join(" ")}`,
      },
    ];
  } catch (thrown) {
    return [{ check, result: "failed", found: asFault(thrown).message }];
  }
};

function looseIn(data: DataDirectory): readonly string[] {
  if (process.platform === "win32") return [];
  return readdirSync(data.path).filter(
    (name) => !open.has(name) && ((statSync(data.file(name), { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0,
  );
}
