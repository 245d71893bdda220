import { Option, type Command } from "commander";
import { networkInterfaces } from "node:os";
import { z } from "zod";
import { dialects } from "../../bridges/index.js";
import {
  catalogueOf,
  isLoopback,
  namedDialects,
  numberOf,
  pairsOf,
  readLayers,
  settingSpellings,
  spellings,
  valueOf,
  type BrokerOptions,
  type Layered,
} from "../config/index.js";
import { Fault } from "../core/index.js";
import { loadDialects } from "../dialect-files.js";
import { resolveDataDirectory } from "../storage/index.js";

/** The flags of a broker, as commander gives them: each option's under the name of its flag (`zmqIn`, `keepRoom`). */
export interface BrokerFlags {
  readonly config?: string;
  readonly dataDir?: string;
  readonly limit?: string[];
  readonly [option: string]: unknown;
}

/** The headings under which help lists the options. */
const headings = {
  doors: "Doors:",
  security: "Security:",
  data: "Data and configuration:",
  names: "Names, rooms, limits:",
  identityProviders: "Security:",
  log: "Log:",
} as const;

/** Where the data directory stands in the help of a command that has {@link withBrokerFlags}. */
export const dataHeading = headings.data;

const headingOf: Readonly<Record<keyof typeof spellings, (typeof headings)[keyof typeof headings]>> = {
  zmqIn: headings.doors,
  zmqOut: headings.doors,
  ws: headings.doors,
  ownDoors: headings.doors,
  dialects: headings.doors,
  zmqAuth: headings.security,
  insecure: headings.security,
  behindTunnel: headings.security,
  behindProxy: headings.security,
  trustedProxies: headings.security,
  tlsCert: headings.security,
  tlsKey: headings.security,
  origins: headings.security,
  hosts: headings.security,
  reserved: headings.security,
  identityProviders: headings.security,
  dataDir: headings.data,
  topics: headings.names,
  rooms: headings.names,
  mailboxes: headings.names,
  serverName: headings.names,
  logMessages: headings.log,
  log: headings.log,
};

/** For the help of commands that start no broker. */
export const runsDialects = "runs the files of --dialect, as a start would";

/** Adds the flags of `broker start`, `broker config` and `broker doctor`. */
export function withBrokerFlags(command: Command): Command {
  const { shape } = catalogueOf().schema;
  for (const [name, { flag, argument, help }] of Object.entries(spellings)) {
    // The data directory is every command's, not only of those that read a configuration.
    if (flag === undefined || name === "dataDir") continue;
    const option = new Option(argument === undefined ? flag : `${flag} <${argument}>`, help);
    option.helpGroup(headingOf[name as keyof typeof spellings]); // a key of it
    command.addOption(option.variadic ? option : chosen(option, shape[name] as z.ZodType | undefined));
  }
  for (const [path, { flag }] of settingSpellings({ dialects })) {
    if (flag === undefined) continue;
    const schema = settingOf(path);
    command.addOption(chosen(new Option(`${flag} <how>`, schema?.description), schema).helpGroup(headings.security));
  }
  return command
    .addOption(
      new Option(
        "--config <file>",
        "a JSON file with options (broker config schema); flags and SYNAPTIC_… variables win over it " +
          "(default: config.json in the data directory, if there is one)",
      ).helpGroup(headings.data),
    )
    .addOption(new Option("--limit <name=value...>", "set a limit of LIMITS.md").helpGroup(headings.names))
    .addOption(
      new Option("--log-level <level>", "how much is logged, on stderr")
        .choices(["silent", "error", "warn", "info", "debug"])
        .default("warn")
        .env("SYNAPTIC_LOG_LEVEL")
        .helpGroup(headings.log),
    )
    .addOption(
      new Option("--log-format <format>", "lines for people or for programs (default: text on a terminal, else json)")
        .choices(["text", "json"])
        .env("SYNAPTIC_LOG_FORMAT")
        .helpGroup(headings.log),
    );
}

/**
 * Flags over `SYNAPTIC_…` over the file over defaults. The dialects that they name are loaded first.
 * @throws Fault malformed, forbidden, unavailable: the file of a dialect cannot be loaded
 */
export async function layersOf(flags: BrokerFlags): Promise<Layered> {
  const layers = {
    flags: optionsOf(flags),
    env: process.env,
    file: flags.config,
    resolveDataDir: (dataDir: string | undefined) => resolveDataDirectory({ dataDir }),
  };
  return readLayers({ ...layers, loaded: await loadDialects(namedDialects(layers)) });
}

/** The options that the flags set. @throws Fault malformed */
function optionsOf(flags: BrokerFlags): BrokerOptions {
  const said: Record<string, unknown> = { ...settingsIn(flags) };
  refuseBindHost(flags[attributeOf("--host")]);
  for (const [name, { flag, kind }] of Object.entries(spellings)) {
    const value = flag === undefined ? undefined : flags[attributeOf(flag)];
    if (flag === undefined || value === undefined) continue;
    // commander makes a list of what can stand there more than once, a text of everything else but a switch
    if (kind === "pairs") said[name] = pairsOf(flag, value as string[]);
    else said[name] = kind === "number" ? numberOf(flag, value as string) : value;
  }
  if (flags.limit !== undefined)
    said["limits"] = Object.fromEntries(
      Object.entries(pairsOf("--limit", flags.limit)).map(([name, value]) => [
        name,
        numberOf(`--limit ${name}`, value),
      ]),
    );
  return said; // readConfig checks it before anybody uses it
}

/**
 * `--host` is where other programs have the address on which they listen.
 * @throws Fault malformed: it names an address of this machine, which web pages may use anyway
 */
function refuseBindHost(names: unknown): void {
  const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  for (const name of Array.isArray(names) ? (names as readonly unknown[]) : []) {
    const bare = String(name).replace(/^\[|\]$/g, "");
    if (!["*", "0.0.0.0", "::"].includes(bare) && !isLoopback(bare) && !own.includes(bare)) continue;
    const host = bare.includes(":") ? `[${bare}]` : bare === "*" ? "0.0.0.0" : bare;
    throw new Fault(
      "malformed",
      `--host ${String(name)}: this option is for names that web pages use; ` +
        `where the broker listens is said by --ws HOST:PORT: --ws ${host}:8080`,
    );
  }
}

/** The settings of dialects among the flags, by dialect. */
function settingsIn(flags: BrokerFlags): Readonly<Record<string, object>> {
  const settings: Record<string, object> = {};
  for (const [path, { flag, kind }] of settingSpellings({ dialects })) {
    const text = flag === undefined ? undefined : flags[attributeOf(flag)];
    const [dialect = "", name = ""] = path.split(".");
    if (flag !== undefined && typeof text === "string")
      settings[dialect] = { ...settings[dialect], [name]: valueOf(flag, text, kind) };
  }
  return settings;
}

/** The schema of a setting of the broker's own dialects. */
function settingOf(path: string): z.ZodType | undefined {
  const [name, setting = ""] = path.split(".");
  return dialects.find((dialect) => dialect.name === name)?.settings?.shape[setting] as z.ZodType | undefined;
}

/** The option with the words among which its value is chosen; as it is where it is no choice. */
function chosen(option: Option, schema: z.ZodType | undefined): Option {
  if (schema === undefined || option.isBoolean()) return option;
  const { enum: words } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return words?.every((word) => typeof word === "string") === true ? option.choices(words) : option;
}

/** `--zmq-in` → `zmqIn` */
function attributeOf(flag: string): string {
  return new Option(flag).attributeName();
}
