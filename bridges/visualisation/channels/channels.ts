import { Fault } from "#dialect";
import { isStreamName, streamOf, type StreamName } from "../streams/stream-name.js";
import { Channel, type ChannelGrant, type ChannelRequest, type Dropped, type Waiting } from "./channel.js";

/** Channels of a session at most (Visualisation §4.1). */
export const channelsMax = 64;
/** Messages that wait in a channel at most. */
export const bufferSizeMax = 10_000;
/** What waits in all channels of a session at most, bytes. */
export const bufferBytesMax = 256 * 1024;
/** Characters of a channel's id at most. */
export const channelIdMax = 128;
/** Where nothing is said of it. */
const bufferSizeDefault = 1_000;
/** What a message that waits takes beside its text. */
const waitingBytes = 64;

/** Where what goes out of channels goes. */
export interface ChannelsOwner {
  /** The socket is behind: what is to go out waits. */
  readonly isHeld: boolean;
  /** Sends a frame. */
  send(text: string): void;
  /** Wall clock, milliseconds. */
  now(): number;
}

/**
 * The channels of one session (Visualisation §4). While the socket is behind, messages wait here, within bounds; they go
 * out by the priority of their channels, and in the order in which they came.
 */
export class Channels {
  readonly #owner: ChannelsOwner;
  // bound: channelsMax · evicts: channel.close · owner: Channels
  readonly #channels = new Map<string, Channel>();
  // bound: one for each stream · evicts: with its channel · owner: Channels
  readonly #carriers = new Map<StreamName, Channel>();
  #bytes = 0;
  #arrivals = 0;

  constructor(owner: ChannelsOwner) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#channels.size;
  }

  /** Bytes that wait. */
  get buffered(): number {
    return this.#bytes;
  }

  /** @throws Fault malformed */
  create(request: ChannelRequest): ChannelGrant {
    const { channelId, priority = "normal", dedicated = false, bufferSize = bufferSizeDefault } = request;
    if (channelId === "" || channelId.length > channelIdMax)
      throw malformed(`channelId: 1 to ${String(channelIdMax)} characters`);
    if (this.#channels.has(channelId)) throw malformed(`channelId: ${channelId} is open; close it first`);
    if (this.#channels.size >= channelsMax)
      throw malformed(`${String(channelsMax)} channels are open, which is as many as may be; close one first`);
    if (!Number.isInteger(bufferSize) || bufferSize < 1 || bufferSize > bufferSizeMax)
      throw malformed(`bufferSize: a whole number from 1 to ${String(bufferSizeMax)}`);
    const streams = streamsOf(request);
    for (const stream of streams) {
      const carrier = this.#carriers.get(stream);
      if (carrier !== undefined) throw malformed(`streams: the channel ${carrier.grant.channelId} carries ${stream}`);
    }
    const grant: ChannelGrant = { channelId, priority, dedicated, bufferSize, streams };
    const channel = new Channel(grant);
    this.#channels.set(channelId, channel);
    for (const stream of streams) this.#carriers.set(stream, channel);
    return grant;
  }

  /**
   * Closes a channel. What waits in it is dropped.
   * @returns what was dropped of it and has not been told; undefined if nothing was
   * @throws Fault malformed: there is no such channel
   */
  close(channelId: string): Dropped | undefined {
    const channel = this.#channelOf(channelId);
    const now = this.#owner.now();
    this.#drop(channel, channel.length, now);
    this.#channels.delete(channelId);
    for (const stream of channel.grant.streams) this.#carriers.delete(stream);
    return channel.drops.take(channelId, now, true);
  }

  /** Takes note of a client's message in a channel. @throws Fault malformed: no such channel, or its number came before */
  hear(channelId: string, sequence: number): void {
    const channel = this.#channelOf(channelId);
    if (channel.hear(sequence)) return;
    const last = String(channel.heard);
    throw malformed(`sequence: it must be above the last of the channel, which was ${last}, not ${String(sequence)}`);
  }

  has(channelId: string): boolean {
    return this.#channels.has(channelId);
  }

  /** The channel that carries a stream. */
  carrierOf(stream: string): string | undefined {
    return this.#carriers.get(stream as StreamName)?.grant.channelId; // another text has none
  }

  /**
   * Says a message, given as JSON text, in a channel: now, or when the socket can take it. What is critical passes all
   * that waits.
   * @returns false if there is no such channel
   */
  say(channelId: string, text: string, isCritical = false): boolean {
    const channel = this.#channels.get(channelId);
    if (channel === undefined) return false;
    if (isCritical) {
      this.#owner.send(channel.wrap(text));
      return true;
    }
    if (this.#bytes === 0 && !this.#owner.isHeld) this.#owner.send(channel.wrap(text));
    else this.#keep(channel, text);
    return true;
  }

  /** Sends what waits, as long as the socket takes it: by priority, and within one in order of arrival. */
  flush(): void {
    while (this.#bytes > 0 && !this.#owner.isHeld) {
      const next = this.#first((one, other) => one.rank - other.rank);
      const waiting = next?.shift();
      if (next === undefined || waiting === undefined) return;
      this.#bytes -= waiting.bytes;
      this.#owner.send(next.wrap(waiting.text));
    }
  }

  /** What is to be told of what was dropped: once a second and channel. */
  takeDropped(): readonly Dropped[] {
    const now = this.#owner.now();
    const told: Dropped[] = [];
    for (const [channelId, { drops }] of this.#channels) {
      const dropped = drops.isEmpty ? undefined : drops.take(channelId, now);
      if (dropped !== undefined) told.push(dropped);
    }
    return told;
  }

  #keep(channel: Channel, text: string): void {
    const bytes = Buffer.byteLength(text) + waitingBytes;
    const now = this.#owner.now();
    while (this.#isFull(channel) || this.#bytes + bytes > bufferBytesMax) {
      const oldest = this.#oldestBeside(channel);
      if (oldest === undefined) {
        // Others have all the room, or nothing has room for it: it is itself the oldest.
        channel.drop(1, now);
        return;
      }
      this.#drop(oldest, 1, now);
    }
    this.#arrivals += 1;
    this.#bytes += bytes;
    channel.push({ text, bytes, arrival: this.#arrivals });
  }

  /** A buffer that channels share is as large as the largest of them is to be. */
  #isFull(channel: Channel): boolean {
    if (channel.grant.dedicated) return channel.length >= channel.grant.bufferSize;
    let length = 0;
    let size = 0;
    for (const { grant, length: one } of this.#channels.values()) {
      if (grant.dedicated) continue;
      length += one;
      size = Math.max(size, grant.bufferSize);
    }
    return length >= size;
  }

  /** The channel with the oldest message of the same buffer. */
  #oldestBeside(channel: Channel): Channel | undefined {
    if (channel.grant.dedicated) return channel.length > 0 ? channel : undefined;
    return this.#first(
      () => 0,
      ({ grant }) => !grant.dedicated,
    );
  }

  /** The channel whose oldest message is the first by `order`, then by arrival. */
  #first(
    order: (one: Channel, other: Channel) => number,
    isMeant: (channel: Channel) => boolean = () => true,
  ): Channel | undefined {
    let first: { readonly channel: Channel; readonly oldest: Waiting } | undefined;
    for (const channel of this.#channels.values()) {
      const { oldest } = channel;
      if (oldest === undefined || !isMeant(channel)) continue;
      const difference = first === undefined ? -1 : order(channel, first.channel);
      if (difference < 0 || (difference === 0 && oldest.arrival < (first?.oldest.arrival ?? 0)))
        first = { channel, oldest };
    }
    return first?.channel;
  }

  #drop(channel: Channel, count: number, now: number): void {
    for (let left = count; left > 0; left -= 1) this.#bytes -= channel.shift()?.bytes ?? 0;
    if (count > 0) channel.drop(count, now);
  }

  #channelOf(channelId: string): Channel {
    const channel = this.#channels.get(channelId);
    if (channel === undefined) throw malformed(`there is no channel ${channelId}; channel.create makes it`);
    return channel;
  }
}

/** What a channel carries: the stream of its name, and those that are named. */
function streamsOf({ channelId, streams = [] }: ChannelRequest): readonly StreamName[] {
  // bound: the streams that there are · evicts: with the call · owner: streamsOf
  const named = new Set<StreamName>();
  if (isStreamName(channelId)) named.add(channelId);
  for (const stream of streams) named.add(streamOf(stream));
  return [...named];
}

function malformed(message: string): Fault {
  return new Fault("malformed", message);
}
