import type { StreamName, ViewerEvent } from "./events.js";
import type { Fields } from "./fields.js";
import { Listeners, type EventStream, type Listener } from "./listeners.js";

/** How a channel is made (Visualisation §4.1). */
export interface ChannelOptions {
  readonly priority?: "low" | "normal" | "high" | "critical";
  /** It has a buffer of its own. */
  readonly dedicated?: boolean;
  /** Messages that wait at most while the connection is behind; then the oldest are dropped. */
  readonly bufferSize?: number;
  /** What it carries, beside the stream that it is named like. */
  readonly streams?: readonly StreamName[];
}

/** What a channel needs of its viewer. */
export interface ChannelOwner {
  close(channel: ViewerChannel): Promise<void>;
}

/** A channel: what comes in it is told here, and to the viewer's own listeners. It is made again with the connection. */
export class ViewerChannel {
  readonly id: string;
  readonly options: ChannelOptions;
  readonly #owner: ChannelOwner;
  readonly #listeners = new Listeners();
  #granted: Fields = {};
  #heard = 0;
  #said = 0;
  #missed = 0;

  constructor(id: string, options: ChannelOptions, owner: ChannelOwner) {
    this.id = id;
    this.options = options;
    this.#owner = owner;
  }

  /** What the broker has granted: `priority`, `dedicated`, `bufferSize`, `streams`. */
  get granted(): Fields {
    return this.#granted;
  }

  /** Messages of this channel that were dropped on the way, by the gaps in their numbers. */
  get missed(): number {
    return this.#missed;
  }

  /** @param type of events, or `*`: all @returns stops it */
  on<Type extends StreamName | "*">(type: Type, listener: Listener<Type>): () => void {
    return this.#listeners.on(type, listener);
  }

  events<Type extends StreamName>(...types: readonly Type[]): EventStream<Type> {
    return this.#listeners.events(types);
  }

  /** @throws ViewerError */
  close(): Promise<void> {
    return this.#owner.close(this);
  }

  /** It is asked for on a new connection: both sides count from 1, and what is said right behind it counts already. */
  begins(): void {
    this.#heard = 0;
    this.#said = 0;
  }

  opened(granted: Fields): void {
    this.#granted = granted;
  }

  /** Counts what comes. */
  hears(sequence: unknown): void {
    if (typeof sequence !== "number" || sequence <= this.#heard) return;
    this.#missed += sequence - this.#heard - 1;
    this.#heard = sequence;
  }

  tell(event: ViewerEvent): void {
    this.#listeners.tell(event);
  }

  ended(): void {
    this.#listeners.end();
  }

  /** A message as it is said in this channel (Visualisation §4.2). */
  wrap(message: Fields): Fields {
    this.#said += 1;
    return { channel: this.id, sequence: this.#said, message };
  }
}
