import { InvalidArgumentError, type Command } from "commander";
import type { Output } from "../output.js";

/** Who the command is at the server. */
export interface WhoOptions {
  readonly name?: string;
  readonly identity?: string;
  /** Goes on though a daemon of this folder has the identity. */
  readonly force?: boolean;
}

/** What most commands take. */
export interface TalkOptions extends WhoOptions, Output {}

/** Where the seed keeps an agent's identity. */
export const defaultIdentity = "./.agentchat/identity.json";

/** Adds `--name`, `--identity` and `--force`; `identity` is the file that is taken when none is given. */
export function withWho(command: Command, identity?: string): Command {
  const none = identity === undefined ? " (default: none; you get an id for this session)" : "";
  return command
    .option("-n, --name <name>", "what you are called (default: the identity's name, else agent-PID)")
    .option("-i, --identity <file>", `your identity, made by agentchat identity --generate${none}`, identity)
    .option("--force", "even if a daemon of this folder uses the identity: its session ends");
}

/** Adds what a command takes that prints data. */
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
