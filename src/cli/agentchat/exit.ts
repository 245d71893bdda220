import type { ErrorCode } from "../../../bridges/agentchat/schema.js";
import { certificateRemedy } from "../../../clients/typescript/shared/certificate-remedy.js";
import { say, untrustedText } from "../output.js";
import { onEndSignals, type EndSignal } from "../signals.js";
import { endByHangUp, hasTerminal, terminalWatch } from "../terminal.js";

/** The exit codes of `agentchat` commands; `broker` uses the same numbers. */
export const exitCodes = Object.freeze({ done: 0, failed: 1, usage: 2, noServer: 3, refused: 4, timedOut: 5 });

/** A failure with its exit code. Its message is safe to print. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CommandFailure";
    this.exitCode = exitCode;
  }
}

/** What to do about a refusal, for messages of servers that do not say it; `""`: they always say it. */
const remedies: Readonly<Record<ErrorCode, string>> = {
  AUTH_REQUIRED: "say who you are: --name NAME, or --identity FILE",
  CHANNEL_NOT_FOUND: "agentchat channels SERVER lists the channels",
  NOT_INVITED: "ask a member to invite you, and use the identity that was invited: --identity FILE",
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

/** A failure because of a wrong command line. */
export function wrongUsage(message: string): CommandFailure {
  return new CommandFailure(exitCodes.usage, message);
}

/** The server's error code in an error of the client library; undefined if the error is not from the server. */
export function serverCode(thrown: unknown): ErrorCode | undefined {
  const code = codeIn(thrown);
  return code !== undefined && Object.hasOwn(remedies, code) ? (code as ErrorCode) : undefined; // a key of remedies
}

/** The library's own codes: nothing that a server says. */
const ownCodes = /^(?:CLOSED|TIMEOUT|IDENTITY_\w+)$/;

/** The code of a refusal by a server of other makers, which has codes that we do not know. */
function foreignCode(thrown: unknown): string | undefined {
  const code = codeIn(thrown);
  const isRefusal = thrown instanceof Error && thrown.name === "AgentChatError" && serverCode(thrown) === undefined;
  return isRefusal && code !== undefined && !ownCodes.test(code) ? code : undefined;
}

/** One line about a failure: what happened and what to do. It is safe to print, whatever a server has put into it. */
export function failureLine(thrown: unknown, place: Place = "shell"): string {
  if (thrown instanceof CommandFailure) return thrown.message;
  if (!(thrown instanceof Error)) return untrustedText(String(thrown));
  const message = untrustedText(thrown.message);
  const code = serverCode(thrown);
  if (code !== undefined) {
    const remedy = remedyFor(code, message, place);
    return `${code}: ${message}${remedy === "" ? "" : ` (${remedy})`}`;
  }
  const foreign = foreignCode(thrown);
  if (foreign !== undefined) return `${untrustedText(foreign)}: ${message}`;
  if (codeIn(thrown) === "IDENTITY_INVALID") return identityWords(message);
  return codeIn(thrown) === "CLOSED" ? closedWords(message, place) : message;
}

/** The exit code that fits a failure. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommandFailure) return thrown.exitCode;
  const code = serverCode(thrown);
  if (code !== undefined) return code === "INTERNAL" ? exitCodes.failed : exitCodes.refused;
  if (foreignCode(thrown) !== undefined) return exitCodes.refused;
  if (codeIn(thrown) !== "CLOSED" || !(thrown instanceof Error)) return exitCodes.failed;
  return isRefusal(thrown.message) ? exitCodes.refused : exitCodes.noServer;
}

/** Reports a failed command on stderr and returns its exit code. */
export function tellFailure(thrown: unknown): number {
  say(`agentchat: ${failureLine(thrown)}`);
  if (process.env["DEBUG"] !== undefined && thrown instanceof Error) say(thrown.stack ?? "");
  return exitCodeOf(thrown);
}

/**
 * What to do about a refusal. A server's message that already says it has it behind a semicolon. For channels and
 * agents it names commands of the protocol, so these get the commands of this program, too.
 */
function remedyFor(code: ErrorCode, message: string, place: Place): string {
  const [, channel = "#channel"] = /(#[A-Za-z0-9_.-]*[A-Za-z0-9_-])/.exec(message) ?? [];
  if (code === "CHANNEL_NOT_FOUND") {
    return place === "console"
      ? `/channels lists them, /create ${channel} makes it`
      : `agentchat channels SERVER lists them, agentchat create SERVER '${channel}' makes it`;
  }
  if (code === "AGENT_NOT_FOUND") return place === "console" ? "/agents lists who is here" : remedies[code];
  if (message.includes(";")) return "";
  // Other servers say so of a public channel, too, to whoever has not joined it.
  if (code === "NOT_INVITED" && place === "console") return `/join ${channel} first, or ask a member to invite you`;
  return remedies[code];
}

/**
 * What is wrong with an identity file. The library names fields of a schema and may advise to remove the file; a file
 * that is not an identity must not be removed, so that advice is replaced.
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

/** Where a message is read: in a shell, or inside `agentchat connect`, which connects again by itself. */
export type Place = "shell" | "console";

/** Close codes (RFC 6455 §7.4.1): the message is too big; it violates a policy. */
const [tooLong, refused] = ["1009", "1008"];

/**
 * Why the server was not reached, in words about the address as it was typed. The text is safe to print.
 * @param url the whole address
 * @param typed the address as the user wrote it
 */
export function connectWords(url: string, typed: string, thrown: Error): string {
  const message = untrustedText(thrown.message);
  const why = untrustedText(reasonOf(thrown.cause));
  const words = `${message} ${why}`;
  const { host, pathname, protocol } = new URL(url);
  const status = /Unexpected server response: (\d+)/.exec(words)?.[1];
  if (/EPROTO|wrong version number/.test(words))
    return `${typed}: this server does not speak TLS: use ws://, or put a proxy with TLS before it`;
  if (why === "socket hang up" && protocol === "ws:")
    return `${typed}: something is there, and hung up: the address of a server with TLS begins with wss://`;
  if (status === "404" && pathname !== "/")
    return `${typed}: a server is there, but no AgentChat at ${pathname}; try ${protocol}//${host}`;
  if (status !== undefined)
    return `${typed}: a server is there, but it speaks no AgentChat (HTTP ${status}); is it the right port?`;
  if (words.includes("Parse Error: Expected HTTP/"))
    return `${typed}: a server is there, but it speaks no WebSocket; is it the right port?`;
  if (words.includes("closed: 1008 AUTH_FAILED"))
    return `${typed}: that door speaks another protocol; the AgentChat path is /agentchat`;
  const port = portTried(typed);
  if (/ENOTFOUND|EAI_AGAIN/.test(words))
    return `${typed}: there is no host of this name; write the server as ws://HOST:PORT`;
  if (why === "") return `${typed}: ${message}${port}`;
  const remedy = thrown.cause instanceof Error ? certificateRemedy(thrown.cause) : undefined;
  const advice = remedy ?? "is the server running there? (agentchat serve starts one)";
  return `cannot connect to ${typed}: ${why}${port}; ${advice}`;
}

/**
 * What the end of a connection means for the request that was under way, and what to do.
 * @param message the library's message, safe to print
 */
export function closedWords(message: string, place: Place): string {
  const [, code, reason = ""] = /closed: (\d+) ?([^]*)$/.exec(message) ?? [];
  if (code === tooLong) return "the message is too long: 64 KiB at most with its envelope";
  if (code === refused) return `the server closed the connection because of its rules: ${code} ${reason}`.trim();
  if (message.startsWith("not connected"))
    return place === "console"
      ? "not connected now, so nothing was sent; type it again after the line: connected again"
      : "the connection to the server was lost, and nothing was sent; check that the server runs, then try again";
  const how = code === undefined ? "while writing" : `closed: ${code} ${reason}`.trim();
  const lost =
    `the connection to the server was lost (${how}) before it answered; ` + "it is not known whether this was done";
  return place === "console"
    ? `${lost}: check before you type it again`
    : `${lost}: check that the server runs and what was done, then try again`;
}

/** True if the server closed the connection because of what was sent on it. */
export function isRefusal(message: string): boolean {
  const code = /closed: (\d+)/.exec(message)?.[1];
  return code === tooLong || code === refused;
}

/** The message of the cause. If a name has several addresses, the cause has no message, but one error for each. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === "") return reasonOf((cause.errors as readonly unknown[])[0]);
  return cause instanceof Error ? cause.message.trim() : "";
}

function portTried(typed: string): string {
  const [, scheme] = /^(wss?):\/\/(?:\[[^\]]*\]|[^/:?#]+)(?:[/?#]|$)/i.exec(typed) ?? [];
  return scheme === undefined ? "" : `; no port was given, so ${scheme.toLowerCase() === "wss" ? 443 : 80} was tried`;
}

/**
 * Resolves at the first SIGINT or SIGTERM, and at SIGHUP where the program has a terminal, which has closed then. A
 * second SIGINT or SIGTERM ends the process at once.
 */
export function untilInterrupted(): Promise<EndSignal> {
  const isClosed = terminalWatch();
  return new Promise((resolve) => {
    const ask = (signal: EndSignal): void => {
      if (isClosed()) endByHangUp();
      resolve(signal);
    };
    onEndSignals(hasTerminal() ? ["SIGINT", "SIGTERM", "SIGHUP"] : ["SIGINT", "SIGTERM"], ask, () => {
      say("agentchat: ended at once");
      process.exit(1);
    });
  });
}
