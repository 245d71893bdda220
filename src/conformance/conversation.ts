import assert from "node:assert/strict";
import type { Closing, Frame } from "../dialect/index.js";
import type { MemoryConnection } from "./memory-connection.js";

/** What a client hears, parsed. */
export type Heard = Readonly<Record<string, unknown>>;

/** Lets everything that waits for nothing but its turn happen. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * A client of a JSON dialect in a test: `await ada.says({…}); await bob.hears({…}); await eve.hearsNothing()`. Each
 * thing heard is taken once, in whatever order a test asks for it.
 */
export class Conversation {
  readonly connection: MemoryConnection;
  /** Puts its name into what it says, where frames tell who says them; absent before the login. */
  signs: ((frame: Frame) => Frame) | undefined;
  #taken = 0;
  readonly #left: Heard[] = [];

  constructor(connection: MemoryConnection) {
    this.connection = connection;
  }

  /** How the connection ended; undefined while it lives. */
  get closing(): Closing | undefined {
    return this.connection.closing;
  }

  /** Says one frame, and lets it have its effect. */
  async says(what: Heard | Frame): Promise<void> {
    this.saysAtOnce(what);
    await settled();
  }

  /** Says one frame, and waits for nothing. */
  saysAtOnce(what: Heard | Frame): void {
    const frame = typeof what === "string" || Buffer.isBuffer(what) ? what : JSON.stringify(what);
    this.connection.says(this.signs?.(frame) ?? frame);
  }

  /** Lets everything happen that waits for nothing but its turn. */
  async settles(): Promise<void> {
    await settled();
  }

  /** The first thing heard that has these fields. Fails if there is none. */
  async hears(wanted: Heard): Promise<Heard> {
    await settled();
    this.#read();
    const at = this.#left.findIndex((heard) => matches(heard, wanted));
    assert.notEqual(at, -1, `nobody said ${JSON.stringify(wanted)}; heard: ${JSON.stringify(this.#left)}`);
    const [heard] = this.#left.splice(at, 1);
    return heard ?? {};
  }

  /** Fails if anything was heard that no test took. */
  async hearsNothing(): Promise<void> {
    await settled();
    assert.deepEqual(this.all(), []);
  }

  /** Everything heard and not taken yet, in order; takes it. */
  all(): readonly Heard[] {
    this.#read();
    return this.#left.splice(0);
  }

  /** The peer is gone without a word. */
  async vanishes(): Promise<void> {
    this.connection.terminate();
    await settled();
  }

  #read(): void {
    for (const frame of this.connection.frames.slice(this.#taken))
      this.#left.push(JSON.parse(frame.toString()) as Heard);
    this.#taken = this.connection.frames.length;
  }
}

function matches(heard: Heard, wanted: Heard): boolean {
  return Object.entries(wanted).every(([key, value]) => JSON.stringify(heard[key]) === JSON.stringify(value));
}
