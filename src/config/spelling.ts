import { Fault } from "../core/index.js";
import type { z } from "zod";
import { dialects as builtIn } from "../../bridges/index.js";
import type { BrokerConfig, OptionCatalogue } from "./options.js";

/** How an option is written on a command line or in a variable: the name of its flag, and how its text is read. */
export interface Spelling {
  /** `undefined`: only a program can set it. */
  readonly flag: string | undefined;
  readonly kind: "text" | "list" | "switch" | "pairs" | "number";
}

/** Every option except `limits` and the nested ones. The record is total: a new option must get its spelling here. */
export const spellings: Readonly<Record<Exclude<keyof BrokerConfig, "limits" | "settings">, Spelling>> = {
  dataDir: { flag: "--data-dir", kind: "text" },
  zmqIn: { flag: "--zmq-in", kind: "list" },
  zmqOut: { flag: "--zmq-out", kind: "list" },
  ws: { flag: "--ws", kind: "list" },
  ownDoors: { flag: "--own", kind: "pairs" },
  zmqAuth: { flag: "--zmq-auth", kind: "text" },
  insecure: { flag: "--insecure", kind: "switch" },
  behindTunnel: { flag: "--behind-tunnel", kind: "switch" },
  behindProxy: { flag: "--behind-proxy", kind: "switch" },
  trustedProxies: { flag: "--trusted-proxy", kind: "list" },
  tlsCert: { flag: "--tls-cert", kind: "text" },
  tlsKey: { flag: "--tls-key", kind: "text" },
  origins: { flag: "--origin", kind: "list" },
  hosts: { flag: "--host", kind: "list" },
  topics: { flag: "--topic", kind: "list" },
  reserved: { flag: "--reserve", kind: "list" },
  rooms: { flag: "--keep-room", kind: "list" },
  serverName: { flag: "--server-name", kind: "text" },
  logMessages: { flag: "--log-messages", kind: "switch" },
  dialects: { flag: "--dialect", kind: "list" },
  log: { flag: undefined, kind: "text" },
};

/**
 * The settings of the dialects of a catalogue, by path (`agentchat.identity`). Dialects that were added have no flags.
 */
export function settingSpellings({ dialects }: Pick<OptionCatalogue, "dialects">): ReadonlyMap<string, Spelling> {
  return new Map(
    dialects.flatMap((dialect) =>
      Object.entries(dialect.settings?.shape ?? {}).map(([name, schema]) => {
        const path = `${dialect.name}.${name}`;
        const flag = builtIn.includes(dialect) ? `--${dialect.name}-${kebabCase(name)}` : undefined;
        return [path, { flag, kind: kindOf(schema as z.ZodType) }] as const;
      }),
    ),
  );
}

/** How the text of a setting is read, by an example of its value: its default. */
function kindOf(schema: z.ZodType): Spelling["kind"] {
  const example: unknown = schema.safeParse(undefined).data;
  if (typeof example === "number" || typeof example === "boolean")
    return typeof example === "number" ? "number" : "switch";
  return Array.isArray(example) ? "list" : "text";
}

/** `proofOfKey` → `proof-of-key`. */
function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `wsPingMs` → `WS_PING_MS`. */
function upperSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/**
 * The variable of an option by its path: `zmqIn` → `SYNAPTIC_ZMQ_IN`, `limits.wsPingMs` → `SYNAPTIC_LIMIT_WS_PING_MS`.
 */
export function variableOf(path: string): string {
  const [group = "", name] = path.split(".");
  if (name === undefined) return `SYNAPTIC_${upperSnakeCase(group)}`;
  return `SYNAPTIC_${group === "limits" ? "LIMIT" : upperSnakeCase(group)}_${upperSnakeCase(name)}`;
}

/** The flag of an option by its path; the path itself where there is no flag. */
export function flagOf(path: string): string {
  const [group = "", name = ""] = path.split(".");
  if (group === "limits") return `--limit ${name}`;
  const setting = settingSpellings({ dialects: builtIn }).get(path);
  if (setting !== undefined) return setting.flag ?? path;
  return Object.hasOwn(spellings, group) ? (spellings[group as keyof typeof spellings].flag ?? path) : path;
}

/** `a, b` as a list of `a` and `b`. */
export function listOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Texts of the form `name=value` as one record. @throws Fault malformed; `where` names the option in it */
export function pairsOf(where: string, list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1 || at === pair.length - 1) throw new Fault("malformed", `${where} ${pair}: write it as NAME=VALUE`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** Text as a number. @throws Fault malformed; `where` names the option in it */
export function numberOf(where: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new Fault("malformed", `${where}: must be a number`);
  return value;
}
