import type { Envelope, Message } from "../../core/index.js";
import type { Codec, Connection, Dialect, Frame, PreparedFrame, RenderMeta, Session } from "../../dialect/index.js";

/** Whoever a message is rendered for. */
export interface Hearer<C, Event, State> {
  readonly session: Session<Event, State>;
  readonly codec: Codec<C, Event>;
  readonly connection: Pick<Connection, "prepare" | "send">;
}

/**
 * Core messages as frames of one dialect: each is rendered, encoded and framed once per variant, whoever hears it
 * first.
 */
export class Renderer<C extends { readonly type: string }, Event, State> {
  readonly #dialect: Dialect<C, Event, State>;
  readonly #rawKey: string;
  /**
   * The key of the variant asked for last: the same string again, whose hash is known, instead of a new one per
   * message.
   */
  #variant = "";
  #key: string;

  constructor(dialect: Dialect<C, Event, State>) {
    this.#dialect = dialect;
    this.#rawKey = `${dialect.name} raw`;
    this.#key = `${dialect.name}: `;
  }

  /** The frame for one hearer; undefined if the dialect has no words for the message. */
  message(
    message: Message,
    envelope: Envelope,
    hearer: Hearer<C, Event, State>,
    replay: boolean,
  ): Frame | PreparedFrame | undefined {
    const { name, render } = this.#dialect;
    const raw = message.raw;
    const isOwnRaw = raw?.dialect === name;
    const variant = isOwnRaw ? undefined : render.variant(hearer.session);
    if (!isOwnRaw && variant === undefined) {
      const event = render.event(envelope, metaOf(message, replay), hearer.session);
      return event === undefined ? undefined : hearer.codec.encode(event);
    }
    const key = variant === undefined ? this.#rawKey : this.#keyOf(variant);
    const { rendered } = message;
    if (rendered !== undefined) for (const known of rendered) if (known.key === key) return known.frame;
    let frame: Frame | undefined;
    if (isOwnRaw) frame = raw.frame;
    else {
      const event = render.event(envelope, metaOf(message, replay), undefined);
      if (event !== undefined) frame = hearer.codec.encode(event);
    }
    const prepared = frame === undefined ? undefined : hearer.connection.prepare(frame);
    const fresh = { key, frame: prepared };
    if (rendered === undefined) message.rendered = [fresh];
    else rendered.push(fresh);
    return prepared;
  }

  #keyOf(variant: string): string {
    if (variant !== this.#variant) {
      this.#variant = variant;
      this.#key = `${this.#dialect.name}: ${variant}`;
    }
    return this.#key;
  }

  /** One event for many hearers, encoded once per variant. */
  *event(
    event: Event,
    hearers: Iterable<Hearer<C, Event, State>>,
  ): Iterable<readonly [Hearer<C, Event, State>, Frame | PreparedFrame]> {
    const frames = new Map<string, PreparedFrame>();
    for (const hearer of hearers) {
      const variant = this.#dialect.render.variant(hearer.session);
      if (variant === undefined) {
        yield [hearer, hearer.codec.encode(event)];
        continue;
      }
      let frame = frames.get(variant);
      if (frame === undefined) {
        frame = hearer.connection.prepare(hearer.codec.encode(event));
        frames.set(variant, frame);
      }
      yield [hearer, frame];
    }
  }
}

function metaOf(message: Message, replay: boolean): RenderMeta {
  return { message, replay, sequence: message.sequence };
}
