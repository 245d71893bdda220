import { Fault } from "../core/index.js";
import type { z } from "zod";
import { dialects as builtIn } from "../../bridges/index.js";
import type { BrokerConfig, OptionCatalogue } from "./options.js";

/** How an option is written on a command line or in a variable: the name of its flag, and how its text is read. */
export interface Spelling {
  /** `undefined`: only a program, or a configuration file, can set it. */
  readonly flag: string | undefined;
  readonly kind: "text" | "list" | "switch" | "pairs" | "number";
}

/** An option on the command line, as its help shows it. */
interface Flag extends Spelling {
  /** What stands behind the flag, `url...` for one or more; a switch has nothing. */
  readonly argument?: string;
  readonly help: string;
}

/**
 * Every option except `limits` and the nested ones. The record is total: a new option must get its spelling here, and
 * has its flag and its variable by that.
 */
export const spellings: Readonly<Record<Exclude<keyof BrokerConfig, "limits" | "settings">, Flag>> = {
  dataDir: {
    flag: "--data-dir",
    kind: "text",
    argument: "dir",
    help: "the folder of secrets, sockets and endpoints.json",
  },
  zmqIn: {
    flag: "--zmq-in",
    kind: "list",
    argument: "url...",
    help: "doors for agents' PUB sockets: tcp://HOST:PORT or ipc:///PATH (port 0: chosen by the system)",
  },
  zmqOut: { flag: "--zmq-out", kind: "list", argument: "url...", help: "doors for agents' SUB sockets" },
  ws: { flag: "--ws", kind: "list", argument: "host:port...", help: "doors for WebSocket clients" },
  ownDoors: {
    flag: "--own",
    kind: "pairs",
    argument: "dialect=host:port...",
    help: "doors for one dialect each, which answers there at / (pan=127.0.0.1:8081)",
  },
  zmqAuth: {
    flag: "--zmq-auth",
    kind: "text",
    argument: "how",
    help: "who may connect by ZeroMQ: none = NULL only, required = PLAIN only",
  },
  insecure: {
    flag: "--insecure",
    kind: "switch",
    help: "allow doors that other machines can reach without encryption",
  },
  behindTunnel: { flag: "--behind-tunnel", kind: "switch", help: "a tunnel protects the ZeroMQ doors" },
  behindProxy: { flag: "--behind-proxy", kind: "switch", help: "a proxy ends TLS before the WebSocket doors" },
  trustedProxies: {
    flag: "--trusted-proxy",
    kind: "list",
    argument: "address...",
    help:
      "proxies that may tell the client's address: addresses or networks " +
      "(default with --behind-proxy: this machine)",
  },
  tlsCert: {
    flag: "--tls-cert",
    kind: "text",
    argument: "file",
    help: "certificate chain (PEM) for the WebSocket doors; read again at SIGHUP",
  },
  tlsKey: { flag: "--tls-key", kind: "text", argument: "file", help: "its key (PEM)" },
  origins: {
    flag: "--origin",
    kind: "list",
    argument: "origin...",
    help: "web pages that may connect: https://HOST[:PORT]",
  },
  hosts: {
    flag: "--host",
    kind: "list",
    argument: "name...",
    help: "host names under which web pages may reach this broker, in addition to its addresses",
  },
  topics: {
    flag: "--topic",
    kind: "list",
    argument: "name...",
    help: "shared data topics: no agent can have these names",
  },
  reserved: {
    flag: "--reserve",
    kind: "list",
    argument: "name...",
    help: "names that only the owner of a token for them may use",
  },
  rooms: { flag: "--keep-room", kind: "list", argument: "room...", help: "rooms that always exist" },
  mailboxes: {
    flag: "--keep-mail",
    kind: "list",
    argument: "name...",
    help: "agents whose mailbox is opened at the start: what they are told while they are away waits for them",
  },
  identityProviders: { flag: undefined, kind: "text", help: "" },
  serverName: {
    flag: "--server-name",
    kind: "text",
    argument: "name",
    help: "what the broker calls itself (default: the machine's name)",
  },
  logMessages: { flag: "--log-messages", kind: "switch", help: "write every message into the log, with its text" },
  dialects: {
    flag: "--dialect",
    kind: "list",
    argument: "file...",
    help:
      "dialects from elsewhere: JavaScript files that export one (synaptic-core/dialect); " +
      "each may do all that this process may",
  },
  log: { flag: undefined, kind: "text", help: "" },
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

/**
 * The value of an option that is written as text, as flags of settings and wheres are.
 * @param where names it for the error text
 * @throws Fault malformed
 */
export function valueOf(where: string, text: string, kind: Spelling["kind"]): unknown {
  switch (kind) {
    case "text":
      return text;
    case "list":
      return listOf(text);
    case "pairs":
      return pairsOf(where, listOf(text));
    case "number":
      return numberOf(where, text);
    case "switch": {
      const word = text.toLowerCase();
      if (["1", "true", "yes", "on"].includes(word)) return true;
      if (["0", "false", "no", "off"].includes(word)) return false;
      throw new Fault("malformed", `${where}: must be true or false; it is ${JSON.stringify(text)}`);
    }
  }
}
