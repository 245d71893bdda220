import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Fault } from "./core/index.js";
import { isDialect, type AnyDialect } from "./dialect/index.js";

/**
 * Loads dialects from JavaScript files, each of which exports one as `default` or as `dialect`. Whoever names a file
 * lets it run in the broker's process.
 * @returns them by their file, as it was given
 * @throws Fault unavailable, malformed, naming the file and the remedy
 */
export async function loadDialects(files: readonly string[]): Promise<ReadonlyMap<string, AnyDialect>> {
  // bound: the files that the configuration names · evicts: nothing · owner: whoever asked
  const loaded = new Map<string, AnyDialect>();
  for (const file of files) loaded.set(file, await load(file));
  return loaded;
}

async function load(file: string): Promise<AnyDialect> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = (await import(pathToFileURL(resolve(file)).href)) as Readonly<Record<string, unknown>>; // a module
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Fault("unavailable", `the dialect ${file} cannot be loaded: ${why}`, { cause: thrown });
  }
  const found = [exports["default"], exports["dialect"]].find(isDialect);
  if (found !== undefined) return found;
  throw new Fault(
    "malformed",
    `${file} exports no dialect: export what defineDialect (synaptic-core/dialect) makes, as default`,
  );
}
