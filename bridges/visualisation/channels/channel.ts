import type { StreamName } from "../streams/stream-name.js";

/** How urgent what a channel carries is; the first goes first. */
export const channelPriorities = ["critical", "high", "normal", "low"] as const;
export type ChannelPriority = (typeof channelPriorities)[number];

/** `channel.create`, checked for its shape (Visualisation §4.1). */
export interface ChannelRequest {
  readonly channelId: string;
  readonly priority?: ChannelPriority | undefined;
  readonly dedicated?: boolean | undefined;
  /** Messages that wait at most. */
  readonly bufferSize?: number | undefined;
  readonly streams?: readonly string[] | undefined;
}

/** A channel as it is granted. */
export interface ChannelGrant {
  readonly channelId: string;
  readonly priority: ChannelPriority;
  readonly dedicated: boolean;
  readonly bufferSize: number;
  /** What it carries. */
  readonly streams: readonly StreamName[];
}

/** So many messages of a channel or a stream were dropped since then. */
export interface Dropped {
  /** Null: the main stream. */
  readonly channelId: string | null;
  readonly dropped: number;
  /** Wall clock, milliseconds. */
  readonly since: number;
}

/** What is not told yet of what was dropped: at most once a second (Visualisation §4.3). */
export class DropCount {
  #dropped = 0;
  #since = 0;
  #toldAt = -Infinity;

  add(count: number, now: number): void {
    if (this.#dropped === 0) this.#since = now;
    this.#dropped += count;
  }

  get isEmpty(): boolean {
    return this.#dropped === 0;
  }

  /** What is to be told now; undefined if there is nothing, or it is too soon. */
  take(channelId: string | null, now: number, isLast = false): Dropped | undefined {
    // A clock that was set back makes nobody wait.
    const passed = Math.abs(now - this.#toldAt);
    if (this.#dropped === 0 || (passed < tellMs && !isLast)) return undefined;
    const told = { channelId, dropped: this.#dropped, since: this.#since };
    this.#dropped = 0;
    this.#toldAt = now;
    return told;
  }
}

const tellMs = 1_000;

/** A message that waits: its JSON text, which others may share. */
export interface Waiting {
  readonly text: string;
  readonly bytes: number;
  /** Counts up over all channels of a session. */
  readonly arrival: number;
}

/** One channel of a session: its numbers, and what waits in it. */
export class Channel {
  readonly grant: ChannelGrant;
  readonly drops = new DropCount();
  /** Of the priority: the lower goes first. */
  readonly rank: number;
  /** The number of the last message that went out or was dropped. */
  #sequence = 0;
  /** The number of the last message that came in. */
  #heard = 0;
  // bound: the buffer's size and bytes · evicts: sent, or the oldest for a newer one · owner: Channel
  #waiting: Waiting[] = [];
  /** How many of them are gone. */
  #gone = 0;

  constructor(grant: ChannelGrant) {
    this.grant = grant;
    this.rank = channelPriorities.indexOf(grant.priority);
  }

  get length(): number {
    return this.#waiting.length - this.#gone;
  }

  /** The oldest that waits. */
  get oldest(): Waiting | undefined {
    return this.#waiting[this.#gone];
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** Takes the oldest out. */
  shift(): Waiting | undefined {
    const oldest = this.#waiting[this.#gone];
    if (oldest === undefined) return undefined;
    this.#gone += 1;
    if (this.#gone === this.#waiting.length || this.#gone >= 256) {
      this.#waiting = this.#waiting.slice(this.#gone);
      this.#gone = 0;
    }
    return oldest;
  }

  /**
   * A message was dropped. It uses up the next number: they are given when a message goes out, so that what passes the
   * buffer does not come out of order.
   */
  drop(count: number, now: number): void {
    this.#sequence += count;
    this.drops.add(count, now);
  }

  /** A message as it goes out, under the next number (Visualisation §4.2). */
  wrap(text: string): string {
    this.#sequence += 1;
    return `{"channel":${JSON.stringify(this.grant.channelId)},"sequence":${String(this.#sequence)},"message":${text}}`;
  }

  /** Takes note of the number of a client's message. @returns false if it is not above the last */
  hear(sequence: number): boolean {
    if (!Number.isSafeInteger(sequence) || sequence <= this.#heard) return false;
    this.#heard = sequence;
    return true;
  }

  get heard(): number {
    return this.#heard;
  }
}
