import { existsSync, readdirSync, statSync } from "node:fs";
import { asFault } from "../../core/index.js";
import type { DataDirectory } from "../../storage/index.js";
import { doorProblems } from "../config-check.js";
import type { Check } from "./check.js";

/**
 * The options are right and the doors can be opened. The data directory and the certificate have checks of their own.
 */
export const configuration: Check = async ({ layered }) => {
  const check = "configuration";
  if (layered === undefined) return [];
  const problems = await doorProblems(layered);
  if (problems.length === 0)
    return [
      {
        check,
        result: "good",
        found: layered.file ?? "no file; options of the command line, of SYNAPTIC_… variables, and defaults",
      },
    ];
  return problems.map((found) => ({ check, result: "failed", found }));
};

/** Files that others may read: they hold no secret. */
const notSecret: ReadonlySet<string> = new Set(["config.json"]);

/** Only its owner can open the folder (0700) and the files in it (0600). */
export const dataDirectory: Check = ({ data }) => {
  const check = "data directory";
  try {
    data.inspect();
    if (!existsSync(data.path)) return [{ check, result: "good", found: `${data.path} is made at the first start` }];
    const readable = readableByOthers(data);
    if (readable.length === 0) return [{ check, result: "good", found: data.path }];
    return [
      {
        check,
        result: "failed",
        found: `the mode of ${readable.join(", ")} lets other users read it; only the folder prevents it`,
        remedy: `chmod go= ${readable.map((name) => data.file(name)).join(" ")}`,
      },
    ];
  } catch (thrown) {
    return [{ check, result: "failed", found: asFault(thrown).message }];
  }
};

function readableByOthers(data: DataDirectory): readonly string[] {
  if (process.platform === "win32") return [];
  return readdirSync(data.path).filter(
    (name) => !notSecret.has(name) && ((statSync(data.file(name), { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0,
  );
}
