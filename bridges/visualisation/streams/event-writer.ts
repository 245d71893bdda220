import { isoOf } from "./payloads.js";

/** Writes the events that many hear as JSON text; each has an id of its own. */
export class EventWriter {
  readonly #prefix: string;
  readonly #now: () => number;
  #written = 0;
  /** The last time and its text: many events are told in one moment. */
  #at = NaN;
  #timestamp = "";

  /** @param prefix unique to it @param now wall clock, milliseconds */
  constructor(prefix: string, now: () => number) {
    this.#prefix = prefix;
    this.#now = now;
  }

  event(type: string, payload: unknown, metadata?: Readonly<Record<string, unknown>>): string {
    return this.eventText(type, JSON.stringify(payload), metadata);
  }

  /** @param payload as JSON text */
  eventText(type: string, payload: string, metadata?: Readonly<Record<string, unknown>>): string {
    this.#written += 1;
    const head = `{"id":"${this.#prefix}-${String(this.#written)}","type":"${type}","timestamp":"${this.#stamp()}"`;
    return metadata === undefined
      ? `${head},"payload":${payload}}`
      : `${head},"payload":${payload},"metadata":${JSON.stringify(metadata)}}`;
  }

  #stamp(): string {
    const now = this.#now();
    if (now !== this.#at) {
      this.#at = now;
      this.#timestamp = isoOf(now);
    }
    return this.#timestamp;
  }
}
