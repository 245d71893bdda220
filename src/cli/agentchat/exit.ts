import type { ErrorCode } from "../../../bridges/agentchat/schema.js";
import { say } from "../output.js";
import { untrustedText } from "./harmless.js";
import { closedWords, isRefusal, type Place } from "./network-words.js";

/** What a command's exit tells a script; the same numbers as `broker`'s. */
export const exitCodes = Object.freeze({ done: 0, failed: 1, usage: 2, noServer: 3, refused: 4, timedOut: 5 });

/** A failure that knows its exit code. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CommandFailure";
    this.exitCode = exitCode;
  }
}

/** What to do about a refusal, if the server's own words do not say it; `""` where they always do. */
const remedies: Readonly<Record<ErrorCode, string>> = {
  AUTH_REQUIRED: "say who you are: --name NAME, or --identity FILE",
  CHANNEL_NOT_FOUND: "agentchat channels SERVER lists the channels",
  NOT_INVITED: "ask a member to invite you, and come with the identity that was invited: --identity FILE",
  INVALID_MSG: "",
  RATE_LIMITED: "wait a little and try again",
  AGENT_NOT_FOUND: "agentchat agents SERVER '#general' lists who is there",
  CHANNEL_EXISTS: "choose another name, or join it",
  INVALID_NAME: "",
  VERIFICATION_FAILED: "is --identity the right file?",
  VERIFICATION_EXPIRED: "try again",
  PROPOSAL_NOT_FOUND: "check the id; agentchat propose and agentchat listen print it",
  PROPOSAL_EXPIRED: "make a new one",
  INVALID_PROPOSAL: "",
  SIGNATURE_REQUIRED: "agentchat identity --generate makes a key, then --identity FILE",
  NOT_PROPOSAL_PARTY: "is --identity the right file?",
  SESSION_DISPLACED: "another program uses this identity; end one of them",
  INTERNAL: "the server's log says why",
};

/** Something that was typed wrong. */
export function wrongUsage(message: string): CommandFailure {
  return new CommandFailure(exitCodes.usage, message);
}

/** The server's own code in an error of the client library; undefined if the error is none of the server's. */
export function serverCode(thrown: unknown): ErrorCode | undefined {
  const code = codeIn(thrown);
  return code !== undefined && Object.hasOwn(remedies, code) ? (code as ErrorCode) : undefined; // a key of remedies
}

/**
 * One line about a failure: what happened, and what to do. What a server says in it is untrustedText; a {@link
 * CommandFailure} has made its own so.
 */
export function failureLine(thrown: unknown, place: Place = "shell"): string {
  if (thrown instanceof CommandFailure) return thrown.message;
  if (!(thrown instanceof Error)) return untrustedText(String(thrown));
  const message = untrustedText(thrown.message);
  const code = serverCode(thrown);
  if (code !== undefined) {
    const remedy = remedyFor(code, message, place);
    return `${code}: ${message}${remedy === "" ? "" : ` (${remedy})`}`;
  }
  if (codeIn(thrown) === "IDENTITY_INVALID") return identityWords(message);
  return codeIn(thrown) === "CLOSED" ? closedWords(message, place) : message;
}

/** The exit code that fits a failure. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommandFailure) return thrown.exitCode;
  const code = serverCode(thrown);
  if (code !== undefined) return code === "INTERNAL" ? exitCodes.failed : exitCodes.refused;
  if (codeIn(thrown) !== "CLOSED" || !(thrown instanceof Error)) return exitCodes.failed;
  return isRefusal(thrown.message) ? exitCodes.refused : exitCodes.noServer;
}

/** Tells a failed command on stderr and returns its exit code. */
export function tellFailure(thrown: unknown): number {
  say(`agentchat: ${failureLine(thrown)}`);
  if (process.env["DEBUG"] !== undefined && thrown instanceof Error) say(thrown.stack ?? "");
  return exitCodeOf(thrown);
}

/**
 * A server's message that says what to do has it behind a semicolon. It names commands of the protocol, which is why
 * channels and agents have ours besides.
 */
function remedyFor(code: ErrorCode, message: string, place: Place): string {
  if (code === "CHANNEL_NOT_FOUND") {
    const [, channel = "#channel"] = /(#[A-Za-z0-9_.-]*[A-Za-z0-9_-])/.exec(message) ?? [];
    return place === "console"
      ? `/channels lists them, /create ${channel} makes it`
      : `agentchat channels SERVER lists them, agentchat create SERVER '${channel}' makes it`;
  }
  if (code === "AGENT_NOT_FOUND") return place === "console" ? "/agents lists who is here" : remedies[code];
  return message.includes(";") ? "" : remedies[code];
}

/**
 * The library's words about a file that does not have the form name fields of a schema, and may advise to remove what
 * is none of ours.
 */
function identityWords(message: string): string {
  const [, file] = /^(.*?): it is (?:no identity:|not JSON;|empty;)/.exec(message) ?? [];
  return file === undefined
    ? message
    : `${file}: this is not an identity file; agentchat identity --generate makes one`;
}

function codeIn(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}
