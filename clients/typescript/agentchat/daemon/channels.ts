import { pause } from "./waiting.js";
import type { DaemonClient } from "./daemon-client.js";
import { errorCode, isPassing, retryAfter } from "./errors.js";
import type { DaemonLog } from "./log.js";
import type { Outgoing } from "./outbox-line.js";

/** A channel where the daemon should be and is not. */
export interface NotJoined {
  readonly channel: string;
  readonly code: string;
}

/** Refusals that may end: somebody may make the channel, or invite this agent. */
const mayChange = /^(CHANNEL_NOT_FOUND|NOT_INVITED|RATE_LIMITED)$/;
const joinTries = 10;

/**
 * The channels where the daemon should be, and those where it is. It should be in those that it was started with and
 * those joined by lines of the outbox, except those that it left.
 */
export class Channels {
  readonly #log: DaemonLog;
  readonly #tell: (code: string, message: string) => void;
  // bound: channels that the server lets one agent join, and those it was started with · evicts: a channel leaves by
  // LEAVE · owner: Channels
  #wanted: readonly string[];
  #added: readonly string[] = [];
  #joined: readonly string[] = [];
  #notJoined: readonly NotJoined[] = [];
  /** Channels that were joined for a message, or that could not be, on this connection. */
  // bound: channels that lines of the outbox name · evicts: all with the connection · owner: Channels
  readonly #asked = new Set<string>();

  /** How the reader of the inbox was told of channels that could not be joined: their codes. */
  // bound: channels where it should be · evicts: a channel leaves when it is joined, or by LEAVE · owner: Channels
  readonly #told = new Map<string, string>();

  /** @param tell takes a code and a message for the reader of the inbox: a channel cannot be joined */
  constructor(given: readonly string[], log: DaemonLog, tell: (code: string, message: string) => void) {
    this.#wanted = [...new Set(given)];
    this.#log = log;
    this.#tell = tell;
  }

  /** Joined by lines of the outbox: to be joined by the next process, too. */
  get added(): readonly string[] {
    return this.#added;
  }

  get joined(): readonly string[] {
    return this.#joined;
  }

  get notJoined(): readonly NotJoined[] {
    return this.#notJoined;
  }

  /** Channels that an earlier process has joined by its outbox. */
  addAll(channels: readonly string[]): void {
    this.#added = united(this.#added, channels);
    this.#wanted = united(this.#wanted, channels);
  }

  /** A line of the outbox was taken by the server, or refused for good. */
  note(line: Outgoing, isTaken: boolean): void {
    if (line.type === "LEAVE") this.#remove(line.channel);
    if (isTaken && (line.type === "JOIN" || line.type === "CREATE_CHANNEL")) {
      this.addAll([line.channel]);
      this.#enter(line.channel);
    }
  }

  /** The connection is over. */
  lost(): void {
    this.#joined = [];
    this.#notJoined = [];
    this.#asked.clear();
  }

  /**
   * Joins a channel before something is said in it, once for each connection: other servers take nothing from who is
   * not in it. It stays joined, as by a line JOIN.
   * @throws Error if the channel is not there or closed to this agent, or the connection fails
   */
  async enterFor(client: DaemonClient, channel: string): Promise<void> {
    if (this.#joined.includes(channel) || this.#asked.has(channel)) return;
    try {
      await client.join(channel);
    } catch (thrown) {
      const code = errorCode(thrown);
      if (mayChange.test(code) || isPassing(code)) throw thrown;
      this.#asked.add(channel);
      this.#log.info({ channel, code }, "channel could not be joined; the message is sent all the same");
      return;
    }
    this.addAll([channel]);
    this.#enter(channel);
  }

  /**
   * Joins them all, one after the other, as fast as the server allows; a channel that it refuses is kept as not joined.
   * @throws Error if the connection fails
   */
  async joinAll(client: DaemonClient, signal: AbortSignal): Promise<void> {
    for (const channel of this.#wanted) {
      for (let tries = 1; ; tries += 1) {
        const limited = await this.#join(client, channel);
        if (limited === undefined || tries === joinTries) break;
        await pause(signal, retryAfter(limited));
      }
    }
  }

  /** Channels that it may be possible to join by now; with `text`, only those that the text names. */
  missing(text?: string): readonly string[] {
    return this.#notJoined
      .filter(({ channel, code }) => mayChange.test(code) && (text === undefined || text.includes(channel)))
      .map(({ channel }) => channel);
  }

  /** Tries once more to join a channel that is still missing. @throws Error if the connection fails */
  async ask(client: DaemonClient, channel: string): Promise<void> {
    if (this.missing().includes(channel)) await this.#join(client, channel);
  }

  /** @returns the error if the server limits the rate of joins */
  async #join(client: DaemonClient, channel: string): Promise<unknown> {
    try {
      await client.join(channel);
    } catch (thrown) {
      const code = errorCode(thrown);
      if (code !== "RATE_LIMITED" && isPassing(code)) throw thrown;
      this.#refused(channel, code);
      return code === "RATE_LIMITED" ? thrown : undefined;
    }
    this.#enter(channel);
    return undefined;
  }

  #enter(channel: string): void {
    this.#told.delete(channel);
    this.#joined = united(this.#joined, [channel]);
    if (this.#notJoined.some((one) => one.channel === channel && one.code !== "RATE_LIMITED"))
      this.#log.info({ channel }, "channel joined that could not be before");
    this.#notJoined = this.#notJoined.filter((one) => one.channel !== channel);
  }

  #refused(channel: string, code: string): void {
    const before = this.#notJoined.find((one) => one.channel === channel);
    if (before !== undefined && (code === before.code || code === "RATE_LIMITED")) return;
    if (code !== "RATE_LIMITED")
      this.#log.warn(
        { channel, code },
        `channel could not be joined; it is asked for again ` +
          (mayChange.test(code) ? "from time to time" : "after the next reconnect"),
      );
    this.#notJoined = [...this.#notJoined.filter((one) => one.channel !== channel), { channel, code }];
    if (code === "RATE_LIMITED" || this.#told.get(channel) === code) return;
    this.#told.set(channel, code);
    this.#tell(code, `you are not in ${channel}: ${notJoinedWords(channel, code)}`);
  }

  #remove(channel: string): void {
    this.#told.delete(channel);
    this.#wanted = this.#wanted.filter((one) => one !== channel);
    this.#added = this.#added.filter((one) => one !== channel);
    this.#joined = this.#joined.filter((one) => one !== channel);
    this.#notJoined = this.#notJoined.filter((one) => one.channel !== channel);
  }
}

/** Why a channel could not be joined, and what to do. */
function notJoinedWords(channel: string, code: string): string {
  if (code === "CHANNEL_NOT_FOUND")
    return (
      "there is none of this name (a server that starts anew forgets public ones); it is joined when somebody makes " +
      `it: ${JSON.stringify({ type: "CREATE_CHANNEL", channel })}`
    );
  if (code === "NOT_INVITED") return "it is for invited agents; it is joined when a member has invited you";
  return "the server refuses it; it is asked for again after the next reconnect";
}

function united(channels: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...channels, ...more])];
}
