import type { ErrorCode } from "../../../bridges/agentchat/schema.js";

/** What a command's exit tells a script. */
export const exitCodes = Object.freeze({ done: 0, failed: 1, usage: 2, noServer: 3, refused: 4 });

/** A failure that knows its exit code. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CommandFailure";
    this.exitCode = exitCode;
  }
}

const remedies: Readonly<Record<ErrorCode, string>> = {
  AUTH_REQUIRED: "say who you are: --name NAME, or --identity FILE",
  CHANNEL_NOT_FOUND: "agentchat channels SERVER lists those there are; agentchat create makes one",
  NOT_INVITED: "ask a member to invite you, and come with the identity that was invited: --identity FILE",
  INVALID_MSG: "the message says what was wrong",
  RATE_LIMITED: "wait a little and try again",
  AGENT_NOT_FOUND: "agentchat agents SERVER '#general' lists who is there",
  CHANNEL_EXISTS: "choose another name, or join it",
  INVALID_NAME: "a name is 1 to 32 of A-Z a-z 0-9 _ -, a channel # and 1 to 64 of these or .",
  VERIFICATION_FAILED: "the server did not take the proof: is --identity the right file?",
  VERIFICATION_EXPIRED: "the proof came late; try again",
  PROPOSAL_NOT_FOUND: "check the id; agentchat propose and agentchat listen print it",
  PROPOSAL_EXPIRED: "its time is over; make a new one",
  INVALID_PROPOSAL: "the message says what was wrong",
  SIGNATURE_REQUIRED: "agreements need a key: agentchat identity --generate, then --identity FILE",
  NOT_PROPOSAL_PARTY: "only the two who agree can do this, each its own steps; is --identity the right file?",
  SESSION_DISPLACED: "another program uses this identity; end one of them",
  INTERNAL: "the server failed; its log says why",
};

/** Something that was typed wrong. */
export function wrongUsage(message: string): CommandFailure {
  return new CommandFailure(exitCodes.usage, message);
}

/** The server's own code in an error of the client library; undefined if the error is none of the server's. */
export function serverCode(thrown: unknown): ErrorCode | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown) || typeof thrown.code !== "string") return undefined;
  return Object.hasOwn(remedies, thrown.code) ? (thrown.code as ErrorCode) : undefined; // a key of remedies
}

/** One line about a failure: what happened, and what to do. */
export function failureLine(thrown: unknown): string {
  const code = serverCode(thrown);
  if (code !== undefined && thrown instanceof Error) return `${code}: ${thrown.message} (${remedies[code]})`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The exit code that fits a failure. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommandFailure) return thrown.exitCode;
  const code = serverCode(thrown);
  return code === undefined || code === "INTERNAL" ? exitCodes.failed : exitCodes.refused;
}

/** Tells a failed command on stderr and returns its exit code. */
export function tellFailure(thrown: unknown): number {
  process.stderr.write(`agentchat: ${failureLine(thrown)}\n`);
  if (process.env["DEBUG"] !== undefined && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ""}\n`);
  return exitCodeOf(thrown);
}
