import { InvalidArgumentError, type Command } from "commander";
import { defaultPort, wholeAddress } from "../../../clients/typescript/agentchat/address.js";
import type { Output } from "../output.js";
import { wrongUsage, type CommandFailure } from "./exit.js";

/** The options that say who the command is at the server. */
export interface WhoOptions {
  readonly name?: string;
  readonly identity?: string;
  /** True: the command goes on even if a daemon of this folder uses the identity. */
  readonly force?: boolean;
}

/** The options of most commands. */
export interface TalkOptions extends WhoOptions, Output {}

/** The default file of an agent's identity (AgentChat §3.8). */
export const defaultIdentity = "./.agentchat/identity.json";

/** Adds `--name`, `--identity` and `--force`; `identity` is the default file. */
export function withWho(command: Command, identity?: string): Command {
  const none = identity === undefined ? " (default: none; you get an id for this session)" : "";
  return command
    .option("-n, --name <name>", "your name (default: the identity's name, else agent-PID)")
    .option("-i, --identity <file>", `your identity, made by agentchat identity --generate${none}`, identity)
    .option("--force", "even if a daemon of this folder uses the identity: its session ends");
}

/** Adds the options of a command that connects and prints data. */
export function talks(command: Command, identity?: string): Command {
  return withWho(command, identity).option("--json", "print data as JSON");
}

/** Reads a count: a whole number from 0. */
export function count(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError("give a whole number, 0 or more");
  return value;
}

/** Reads a number from 0. */
export function quantity(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("give a number, 0 or more");
  return value;
}

/** Reads a length of time in seconds, more than 0. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError("give seconds, more than 0");
  return value;
}

/** Reads a port; 0 lets the system choose. */
export function port(text: string): number {
  const value = count(text);
  if (value > 65_535) throw new InvalidArgumentError("give a port, 0 to 65535 (0: chosen by the system)");
  return value;
}

/** A port without a host. */
const barePort = /^:?(\d{1,5})$/;

/** `<server>` as a URL: `ws://HOST:PORT`, `wss://…`, or HOST[:PORT]. @throws CommandFailure */
export function serverUrl(text: string): string {
  if (barePort.test(text)) throw notAServer(text); // else a number is an IPv4 address
  const whole = wholeAddress(text);
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || (url.protocol !== "ws:" && url.protocol !== "wss:") || url.hostname === "") {
    throw notAServer(text);
  }
  return whole;
}

/** What is wrong with a server's address, and the one that was probably meant. */
function notAServer(text: string): CommandFailure {
  const [, port] = barePort.exec(text) ?? [];
  const [, secure, rest] = /^http(s?):\/\/(.+)$/i.exec(text) ?? [];
  const meant =
    port !== undefined ? `ws://127.0.0.1:${port}` : rest !== undefined && `ws${(secure ?? "").toLowerCase()}://${rest}`;
  return wrongUsage(
    `${text} is not a server; ` +
      (meant === false
        ? `write it as ws://HOST:PORT (agentchat serve opens ws://127.0.0.1:${defaultPort})`
        : `did you mean ${meant}? write it as ws://HOST:PORT`),
  );
}

/** A channel's name; a missing `#` is added. @throws CommandFailure */
export function channelName(text: string): string {
  const name = text.startsWith("#") ? text : `#${text}`;
  if (name === "#" || text.startsWith("@"))
    throw wrongUsage(`"${text}" is not a channel; write it as '#general', in quotes`);
  return name;
}

/** Channels as words, or several in one word with commas between them. @throws CommandFailure */
export function channelNames(words: readonly string[]): readonly string[] {
  return words.flatMap((word) =>
    word
      .split(/[\s,]+/)
      .filter((name) => name !== "")
      .map(channelName),
  );
}

/** An agent's id; a missing `@` is added. @throws CommandFailure */
export function agentId(text: string): string {
  const id = text.startsWith("@") ? text : `@${text}`;
  if (id === "@" || text.startsWith("#"))
    throw wrongUsage(
      `"${text}" is not an agent; write it as @agent-id (agentchat agents SERVER '#general' lists them)`,
    );
  return id;
}

/** A channel or an agent, to which a message can be sent. @throws CommandFailure */
export function target(text: string): string {
  if (/^[#@]./.test(text)) return text;
  const meant = /^[A-Za-z0-9_.-]+$/.test(text) ? `; did you mean '#${text}' or @${text}?` : "";
  throw wrongUsage(
    `"${text}" is not a target${meant === "" ? "; " : `${meant} `}write '#channel' (in quotes) or @agent-id`,
  );
}

/**
 * For a command whose last argument is a text: commander lets too many words pass, so that {@link mustBeOneText} can
 * report them with a better message.
 */
export function oneText(command: Command): Command {
  return command.allowExcessArguments(true);
}

/** @throws CommandFailure if the text was given without quotes, as several words */
export function mustBeOneText(command: Command): void {
  const at = command.registeredArguments.length - 1;
  if (command.args.length <= at + 1) return;
  const last = command.registeredArguments[at];
  throw wrongUsage(
    `too many words: put the ${last?.name() ?? "text"} in quotes: '${command.args
      .slice(at)
      .join(" ")
      .replaceAll("'", String.raw`'\''`)}'`,
  );
}
