import type { DialectTypes, Session } from "#dialect";
import { DropCount, type Dropped } from "../channels/channel.js";
import { Channels, type ChannelsOwner } from "../channels/channels.js";

/** An event as the broker tells it, as JSON. */
export interface ToldEvent {
  readonly type: string;
  readonly metadata?: { readonly priority?: string | undefined } | undefined;
}

/** A session that is told something. */
export interface ToldSession extends Pick<Session<DialectTypes>, "backlog" | "limits" | "sendFrame" | "now" | "newId"> {
  readonly state: { outlet: Outlet | undefined };
  send(event: ToldEvent): void;
}

/** All that one session is told goes out here: into the channel where it belongs, or into the main stream. */
export class Outlet implements ChannelsOwner {
  readonly #session: ToldSession;
  readonly #lost = new DropCount();
  /** Made for the first channel: most sessions have none. */
  #channels: Channels | undefined;
  #isBehind = false;

  constructor(session: ToldSession) {
    this.#session = session;
  }

  /** The channels, made if there are none. */
  get channels(): Channels {
    return (this.#channels ??= new Channels(this));
  }

  /**
   * The socket does not keep up: more than half of its backlog waits. It does again when that is nearly read, as
   * `Dialect.drained` tells.
   */
  get isHeld(): boolean {
    const { backlog, limits } = this.#session;
    this.#isBehind = backlog > limits.wsBacklogMaxBytes / (this.#isBehind ? 16 : 2);
    return this.#isBehind;
  }

  send(text: string): void {
    this.#session.sendFrame(text);
  }

  now(): number {
    return this.#session.now();
  }

  carrierOf(stream: string): string | undefined {
    return this.#channels?.carrierOf(stream);
  }

  /**
   * Tells the session something. `channel`: what it answers came in that channel; else it goes where its stream goes.
   * What is critical passes all buffers (Visualisation §4.3).
   */
  tell(event: ToldEvent, channel: string | undefined = this.carrierOf(event.type)): void {
    this.flush();
    const isCritical = event.metadata?.priority === "critical";
    if (channel !== undefined && this.#channels?.say(channel, JSON.stringify(event), isCritical) === true) return;
    this.#session.send(event);
  }

  /** Says a message, given as JSON text, in a channel that is open. */
  say(channel: string, text: string): void {
    this.#channels?.say(channel, text);
  }

  /** So many messages of the main stream were not told, since the socket was behind. */
  lose(count: number): void {
    this.#lost.add(count, this.now());
  }

  /** Sends what waits in channels, and says what was dropped, as far as the socket takes it. */
  flush(): void {
    if (this.isHeld) return;
    const lost = this.#lost.take(null, this.now());
    if (lost !== undefined) this.#tellDropped(lost);
    for (const dropped of this.#channels?.takeDropped() ?? []) this.#tellDropped(dropped);
    this.#channels?.flush();
  }

  /** Closes a channel, and says what was dropped of it. @throws Fault malformed */
  close(channelId: string): void {
    const dropped = this.channels.close(channelId);
    if (dropped !== undefined) this.#tellDropped(dropped);
  }

  #tellDropped({ channelId, dropped, since }: Dropped): void {
    const timestamp = new Date(this.now()).toISOString();
    const told = { channelId, dropped, since: new Date(since).toISOString() };
    this.send(JSON.stringify({ id: this.#session.newId(), type: "channel.dropped", timestamp, ...told }));
  }
}

/** The outlet of a session, made when it is first asked for. */
export function outletOf(session: ToldSession): Outlet {
  return (session.state.outlet ??= new Outlet(session));
}

/** Tells a session something: see {@link Outlet.tell}. */
export function tell(session: ToldSession, event: ToldEvent, channel?: string): void {
  outletOf(session).tell(event, channel);
}
