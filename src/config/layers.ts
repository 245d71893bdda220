import { dirname, join, resolve } from "node:path";
import { Fault } from "../core/index.js";
import { readEnvironment } from "./environment.js";
import type { AnyDialect } from "../dialect/index.js";
import { catalogueOf, type BrokerConfig, type BrokerOptions } from "./options.js";
import { Problems } from "./problems.js";
import { readConfig } from "./read.js";
import { readRegular } from "../storage/index.js";
import { flagOf, listOf } from "./spelling.js";
import { variableOf } from "./variables.js";

/** Where a value comes from. */
export type Origin = "flag" | "environment" | "file" | "default";

/** Where the options of a broker are read from. */
export interface Layers {
  /** The options of the command line. */
  readonly flags: BrokerOptions;
  readonly env: NodeJS.ProcessEnv;
  /** The file that the command line names. */
  readonly file?: string | undefined;
  /** The dialects that were loaded from files, by the file as `dialects` names it. */
  readonly loaded?: ReadonlyMap<string, AnyDialect>;
  /** Tells the path of the data directory; the file is `config.json` there if the command line names none. */
  readonly resolveDataDir: (dataDir: string | undefined) => string;
}

/** Options from all layers, and the layer that each value comes from. */
export interface Layered {
  readonly options: BrokerOptions;
  readonly config: BrokerConfig;
  /** The file that was read. */
  readonly file: string | undefined;
  readonly originOf: (path: string) => Origin;
  /** An option as its author wrote it: `--ws`, `SYNAPTIC_WS`, `config.json: ws`. */
  readonly nameOf: (path: string) => string;
}

/** The file in the data directory that is read if no other one is named. */
const usualFile = "config.json";

/**
 * Reads all layers. Flags win over `SYNAPTIC_…` variables, these over the file, the file over defaults.
 * @throws Fault malformed, forbidden, naming every problem and where it is
 */
export function readLayers({ flags, env, file: told, loaded = new Map(), resolveDataDir }: Layers): Layered {
  const catalogue = catalogueOf(
    [...loaded.values()],
    (dialect) => [...loaded].find(([, each]) => each === dialect)?.[0],
  );
  const { groups } = catalogue;
  const fromFlags = byPath(flags, groups);
  const problems = new Problems();
  const fromEnv = problems.attempt(() => readEnvironment(env, catalogue), new Map<string, unknown>());
  const named = namedFile(told, env);
  const dataDir = fromFlags.get("dataDir") ?? fromEnv.get("dataDir");
  const usual = join(resolveDataDir(typeof dataDir === "string" ? dataDir : undefined), usualFile);
  const text = problems.attempt(() => (named === undefined ? readIfThere(usual) : readNamed(named)), undefined);
  const file = named ?? (text === undefined ? undefined : usual);
  const fromFile =
    text === undefined || file === undefined
      ? new Map<string, unknown>()
      : problems.attempt(() => byPath(objectOf(text, file), groups), new Map<string, unknown>());
  const originOf = (path: string): Origin => {
    const whole = path.split(".")[0] ?? path;
    const says = (layer: ReadonlyMap<string, unknown>): boolean => layer.has(path) || layer.has(whole);
    return says(fromFlags) ? "flag" : says(fromEnv) ? "environment" : says(fromFile) ? "file" : "default";
  };
  const said = nested(new Map([...fromFile, ...fromEnv, ...fromFlags]));
  const options = { ...said, ...withLoaded(said, loaded) };
  const nameOf = (path: string): string => {
    switch (originOf(path)) {
      case "flag":
        return flagOf(path);
      case "environment":
        return variableOf(path);
      case "file":
        return `${file ?? usual}: ${path}`;
      case "default":
        return flagOf(path); // nobody has set it: the flag that would
    }
  };
  return { options, config: readConfig(options, nameOf, problems), file, originOf, nameOf };
}

/**
 * The data directory that a start without `--data-dir` would take from the environment or the file, for commands that
 * need nothing else of the configuration.
 * @returns undefined if neither names one
 * @throws Fault malformed, unavailable: the file that may name it cannot be read
 */
export function readDataDir({ env, file: told, resolveDataDir }: Omit<Layers, "flags">): string | undefined {
  const said = env["SYNAPTIC_DATA_DIR"];
  if (said !== undefined && said !== "") return said;
  const named = namedFile(told, env);
  const file = named ?? join(resolveDataDir(undefined), usualFile);
  const text = named === undefined ? readIfThere(file) : readNamed(named);
  const dataDir = text === undefined ? undefined : byPath(objectOf(text, file), new Set()).get("dataDir");
  if (dataDir === undefined) return undefined;
  if (typeof dataDir !== "string" || dataDir === "")
    throw new Fault(
      "malformed",
      `${file}: dataDir: must be the path of a folder; mend it, or name the folder with --data-dir`,
    );
  return dataDir;
}

function namedFile(told: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  return told ?? (env["SYNAPTIC_CONFIG"] === "" ? undefined : env["SYNAPTIC_CONFIG"]);
}

function objectOf(text: string, file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Fault("malformed", `${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Fault("malformed", `${file} must hold one JSON object, as broker config schema describes it`);
  // $schema tells editors where the description of the file is; it is not an option.
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== "$schema"));
}

function readNamed(file: string): string {
  const text = readIfThere(file);
  if (text === undefined) throw new Fault("malformed", `there is no file ${file}; give another --config, or none`);
  return text;
}

function readIfThere(file: string): string | undefined {
  try {
    return readRegular(file).toString("utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return undefined;
    if (error instanceof Fault)
      throw new Fault(
        "unavailable",
        `${file} is a pipe or another special file, and a configuration is read more than once: ` +
          "write it into a regular file (broker start --config FILE)",
        { cause: error },
      );
    throw new Fault(
      "unavailable",
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** Options by path, put together as the nested object. */
function nested(byPath: ReadonlyMap<string, unknown>): BrokerOptions {
  const options: Record<string, unknown> = {};
  for (const [path, value] of byPath) {
    const [group = "", name] = path.split(".");
    if (name === undefined) options[group] = value;
    else options[group] = { ...(options[group] as object | undefined), [name]: value };
  }
  return options; // readConfig checks it before anybody uses it
}

/** The nested object by path: each entry of a group alone, every other option whole. */
function byPath(options: object, groups: ReadonlySet<string>): ReadonlyMap<string, unknown> {
  return new Map(
    Object.entries(options).flatMap(([name, value]: [string, unknown]): [string, unknown][] => {
      if (value === undefined) return [];
      if (!groups.has(name) || typeof value !== "object" || value === null) return [[name, value]];
      return Object.entries(value).map(([inner, one]: [string, unknown]) => [`${name}.${inner}`, one]);
    }),
  );
}

/** Files of dialects replaced by the dialects; one that is not loaded stays, and is refused. */
function withLoaded({ dialects }: BrokerOptions, loaded: ReadonlyMap<string, AnyDialect>): BrokerOptions {
  if (!Array.isArray(dialects)) return {};
  return {
    dialects: dialects.map((each: string | AnyDialect) =>
      typeof each === "string" ? (loaded.get(each) ?? each) : each,
    ),
  };
}

/** The file of a dialect: as its author wrote it, and its absolute path. */
export interface NamedFile {
  readonly written: string;
  readonly path: string;
}

/**
 * The files of dialects that the layers name, for whoever loads them before the rest is read. Those of a configuration
 * file are looked for from its own folder, those of flags and variables from the working directory. What is wrong with
 * the layers is told by {@link readLayers}.
 */
export function namedDialects({
  flags,
  env,
  file: told,
  resolveDataDir,
}: Omit<Layers, "loaded">): readonly NamedFile[] {
  const near = flags.dialects ?? namedInEnvironment(env);
  return near === undefined ? namedInFile() : filesOf(near, ".");

  function namedInFile(): readonly NamedFile[] {
    try {
      const dataDir = flags.dataDir ?? env["SYNAPTIC_DATA_DIR"];
      const file = namedFile(told, env) ?? join(resolveDataDir(dataDir === "" ? undefined : dataDir), usualFile);
      const text = readIfThere(file);
      if (text === undefined) return [];
      return filesOf(byPath(objectOf(text, file), new Set()).get("dialects"), dirname(file));
    } catch (thrown) {
      if (thrown instanceof Fault) return [];
      throw thrown;
    }
  }
}

function filesOf(said: unknown, folder: string): readonly NamedFile[] {
  if (!Array.isArray(said)) return [];
  return said
    .filter((each) => typeof each === "string")
    .map((written) => ({ written, path: resolve(folder, written) }));
}

function namedInEnvironment({ SYNAPTIC_DIALECTS: text }: NodeJS.ProcessEnv): readonly string[] | undefined {
  return text === undefined || text === "" ? undefined : listOf(text);
}
