import type { Face } from "./face.js";
import { isReserved, type Message } from "./message.js";

/** Calls what the application has set: its handlers and callbacks. What they throw stops nothing here. */
export class Application {
  readonly #face: Face;

  constructor(face: Face) {
    this.#face = face;
  }

  /**
   * A message of an agent: its handler first, then whoever hears everything. Rejects with what the handler throws; where
   * there is none, with what `onMessage` throws.
   */
  async hear(message: Message): Promise<void> {
    // Under these names the broker and this client speak: what an agent says under them is no word of theirs.
    const { messageHandlers } = this.#face;
    const handler = isReserved(message.messageType) ? undefined : messageHandlers.get(message.messageType);
    if (handler === undefined) {
      await this.#face.onMessage(message);
      return;
    }
    await handler(message);
    // It is processed: what fails behind that must not make its handler run again.
    await this.#called(async () => {
      await this.#face.onMessage(message);
    });
  }

  /** What the broker says, likewise; nobody waits for it. */
  tell(message: Message): void {
    void this.#called(async () => {
      await this.#face.messageHandlers.get(message.messageType)?.(message);
    }).then(() =>
      this.#called(async () => {
        await this.#face.onMessage(message);
      }),
    );
  }

  /** The handler of a type alone; nobody waits for it. */
  handle(message: Message): void {
    void this.#called(async () => {
      await this.#face.messageHandlers.get(message.messageType)?.(message);
    });
  }

  /** Something failed that nobody waits for. */
  failed(error: Error): void {
    this.safely(() => {
      this.#face.onError(error);
    });
  }

  /** A callback that throws stops nothing here: the process hears of it, as of any listener. */
  safely(call: () => void): void {
    try {
      call();
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }

  async #called(call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (thrown) {
      this.failed(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }
}
