import type { MailContext } from "./mail-context.js";
import { dueAt } from "./mail-due.js";
import type { Mailbox } from "./mailbox.js";

/** What is due is looked for this often, milliseconds, and so many rows at a time. */
const roundMs = 1_000;
const dueMax = 200;
/** So many boxes are looked at before others have their turn. */
const boxesAtOnce = 1_000;

/** Once a second: brings to their end the messages whose time is over, and leases and pauses that end. */
export class MailSweep {
  readonly #context: MailContext;
  readonly #byId: (id: number) => Mailbox | undefined;
  #cancel: (() => void) | undefined;
  #phase: "idle" | "sweeping" | "stopped" = "idle";

  /** `byId` finds the box of a row. */
  constructor(context: MailContext, byId: (id: number) => Mailbox | undefined) {
    this.#context = context;
    this.#byId = byId;
  }

  /** `boxes` gives all of them, which may come and go meanwhile. */
  start(boxes: () => Iterable<Mailbox>): void {
    this.#cancel = this.#context.clock.after(roundMs, () => {
      if (this.#phase === "idle") this.#sweep(boxes());
      this.start(boxes);
    });
  }

  stop(): void {
    this.#phase = "stopped";
    this.#cancel?.();
  }

  #sweep(boxes: Iterable<Mailbox>): void {
    this.#phase = "sweeping";
    const steps = this.#steps(boxes);
    const end = (): void => {
      if (this.#isSweeping) this.#phase = "idle";
    };
    const going = this.#context.slices.run(() => (steps.next().done === true ? undefined : "more"));
    if (going === undefined) end();
    else void going.then(end);
  }

  /** A row that cannot be read costs only itself, and never the process. */
  #carefully<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (thrown) {
      this.#context.log("error", "what is due in mailboxes could not be done", { cause: String(thrown) });
      return undefined;
    }
  }

  get #isSweeping(): boolean {
    return this.#phase === "sweeping";
  }

  /** Yields where others may have their turn. */
  *#steps(boxes: Iterable<Mailbox>): Generator<undefined, void> {
    const { clock, journal, store } = this.#context;
    let count = 0;
    for (const box of boxes) {
      this.#carefully(() => {
        box.round(clock.now(), clock.monotonic());
      });
      count += 1;
      if (count % boxesAtOnce === 0) yield;
    }
    for (;;) {
      const due = this.#carefully(() => store.due(clock.now(), dueMax)) ?? [];
      let ended = 0;
      for (const { box, seq } of due) {
        // While the disk fails, nothing ends.
        if (!this.#isSweeping || journal.isFailing) return;
        if (this.#carefully(() => this.#end(box, seq)) === true) ended += 1;
        yield;
      }
      // What cannot end now would be found again and again.
      if (due.length < dueMax || ended === 0) return;
    }
  }

  /** @returns true if the time of a row is over, and it has come to its end */
  #end(box: number, seq: number): boolean {
    const { clock, store } = this.#context;
    const row = store.row(box, seq); // it may have changed meanwhile
    const isDue = row !== undefined && (dueAt(row) ?? Infinity) <= clock.now();
    return isDue && this.#byId(box)?.due(row) === true;
  }
}
