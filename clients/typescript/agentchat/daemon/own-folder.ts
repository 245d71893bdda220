import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf } from "./files.js";
import type { DaemonPaths } from "./paths.js";

/**
 * Makes the folder of an instance, with the files that its agent reads and writes. What is there stays.
 * @throws NodeJS.ErrnoException
 */
export function makeFolder({ dir, inbox, outbox }: DaemonPaths): void {
  const daemons = dirname(dir);
  const isFirst = mkdirSync(daemons, { recursive: true, mode: 0o700 }) !== undefined;
  if (isFirst) ignoreAll(dirname(daemons));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const file of [inbox, outbox]) closeSync(openSync(file, "a", 0o600));
}

/**
 * What agents say, and their keys, belong in nobody's repository. Whoever wants it otherwise writes another .gitignore,
 * or deletes this one.
 */
function ignoreAll(folder: string): void {
  try {
    writeFileSync(join(folder, ".gitignore"), "*\n", { flag: "wx" });
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw thrown;
  }
}
