import { BinaryProblem, readFrames, type BinaryFrame } from "../../../bridges/visualisation/binary/index.js";
import type { Agents } from "./agents.js";
import { linesOf, messageOf } from "./agents.js";
import type { Fields } from "./fields.js";
import { openedBytesMax, type Algorithm, type Platform } from "./platform.js";

/** What is done with what was read. */
export interface IncomingPorts {
  readonly platform: Pick<Platform, "inflate">;
  readonly agents: Pick<Agents, "toldBy">;
  /** Wall clock, milliseconds. */
  now(): number;
  message(message: Fields): void;
  /** The other side says what cannot be. */
  broken(why: string): void;
}

/**
 * Reads what one connection brings, in its order: where opening a batch takes time, as in browsers, what comes behind it
 * waits.
 */
export class Incoming {
  readonly #ports: IncomingPorts;
  /** What waits; undefined: nothing does. */
  #waiting: Promise<void> | undefined;
  #isOver = false;
  /** Opens compressed batches; undefined: none was granted. */
  algorithm: Algorithm | undefined;

  constructor(ports: IncomingPorts) {
    this.#ports = ports;
  }

  /** Nothing more is told. */
  end(): void {
    this.#isOver = true;
  }

  hear(data: string | Uint8Array): void {
    if (this.#waiting !== undefined) {
      this.#after(this.#waiting.then(() => this.#read(data)));
      return;
    }
    const later = this.#read(data);
    if (later !== undefined) this.#after(later);
  }

  #after(work: Promise<void>): void {
    const waiting = work.then(() => {
      if (this.#waiting === waiting) this.#waiting = undefined;
    });
    this.#waiting = waiting;
  }

  /** @returns when it is done, where that is not now; never rejects */
  #read(data: string | Uint8Array): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    try {
      if (typeof data === "string") {
        this.#text(data);
        return undefined;
      }
      for (const frame of readFrames(data, { maxCompressedBytes: openedBytesMax })) {
        if (frame.type !== "compressed") this.#frame(frame);
        else if (this.algorithm === undefined) throw new BinaryProblem("it compresses, and was not asked to");
        else {
          // It is always the last frame of a message.
          const opened = this.#ports.platform.inflate(this.algorithm, frame.data, frame.originalSize);
          if (!(opened instanceof Promise)) this.#opened(opened);
          else
            return opened.then(
              (bytes) => {
                this.#guarded(() => {
                  this.#opened(bytes);
                });
              },
              (thrown: unknown) => {
                this.#broken(thrown);
              },
            );
        }
      }
    } catch (thrown) {
      this.#broken(thrown);
    }
    return undefined;
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#broken(thrown);
    }
  }

  /** Binary frames, or JSON messages each followed by LF: the first byte tells which (Visualisation §2.5). */
  #opened(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (bytes[0] === 0x41) for (const frame of readFrames(bytes, { maxCompressedBytes: 0 })) this.#frame(frame);
    else for (const line of linesOf(bytes)) this.#text(line);
  }

  #frame(frame: BinaryFrame): void {
    const timestamp = new Date(this.#ports.now()).toISOString();
    for (const { type, payload } of this.#ports.agents.toldBy(frame)) this.#ports.message({ type, timestamp, payload });
  }

  #text(text: string): void {
    const message = messageOf(text);
    if (message === undefined) throw new BinaryProblem("it says something that is no JSON object");
    this.#ports.message(message);
  }

  #broken(thrown: unknown): void {
    if (this.#isOver) return;
    this.end();
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    this.#ports.broken(`the broker says what cannot be read: ${why}`);
  }
}
