import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { NamedFile } from "./config/index.js";
import { Fault } from "./core/index.js";
import { dialectProblem, isDialect, type AnyDialect } from "./dialect/index.js";
import { readRegular } from "./storage/index.js";

/** A file that takes longer to run is given up: a promise at its top level may never settle. */
const loadMs = 10_000;

/**
 * Loads dialects from JavaScript files, each of which exports one as `default` or as `dialect`. Whoever names a file
 * lets it run in this process, once: a file that has changed since is not run again.
 * @param waitMs how long each may take
 * @returns them by their file, as it was written
 * @throws Fault unavailable, malformed, naming the file and the remedy
 */
export async function loadDialects(
  files: readonly NamedFile[],
  waitMs = loadMs,
): Promise<ReadonlyMap<string, AnyDialect>> {
  // bound: the files that the configuration names · evicts: nothing · owner: whoever asked
  const loaded = new Map<string, AnyDialect>();
  for (const { written, path } of files) loaded.set(written, await load(path, waitMs));
  return loaded;
}

async function load(file: string, waitMs: number): Promise<AnyDialect> {
  const ended = new AbortController();
  let exports: Readonly<Record<string, unknown>>;
  let digest: string;
  try {
    digest = createHash("sha256").update(readRegular(file)).digest("hex");
    const late = pause(waitMs, undefined, { signal: ended.signal }).then((): never => {
      throw new Fault(
        "unavailable",
        `it has not come to its end within ${waitMs / 1_000} s; let nothing at its top level wait for long`,
      );
    });
    // a module
    exports = (await Promise.race([import(pathToFileURL(file).href), late])) as Readonly<Record<string, unknown>>;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Fault("unavailable", `the dialect ${file} cannot be loaded: ${why}`, { cause: thrown });
  } finally {
    ended.abort();
  }
  const candidates = [exports["default"], exports["dialect"]];
  const found = candidates.find(isDialect);
  if (found !== undefined) return { ...found, source: `${file} ${digest}` };
  const almost = candidates.find((one) => typeof one === "object" && one !== null);
  throw new Fault(
    "malformed",
    `${file} exports no dialect: export what defineDialect (synaptic-core/dialect) makes, as default` +
      (almost === undefined ? "" : `; of what it exports, ${dialectProblem(almost) ?? "nothing fits"}`),
  );
}
