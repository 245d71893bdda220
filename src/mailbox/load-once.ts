import type { Fault, Message } from "../core/index.js";
import type { Box } from "./box.js";
import type { Intake } from "./intake.js";
import { Loading, rowsAtOnce } from "./loading.js";
import type { MailContext } from "./mail-context.js";
import type { Taking } from "./taking.js";

/** The box that is read, and what becomes of its messages. */
interface ReadBox {
  readonly box: Box;
  readonly isHere: boolean;
  readonly intake: Intake;
  readonly taking: Taking;
  pumpSoon(): void;
}

/** Reads one box when it is first needed, once: at once, or in slices. What comes meanwhile waits. */
export class LoadOnce {
  readonly #of: ReadBox;
  readonly #context: MailContext;
  /** While it is read, and what came meanwhile is taken. */
  #loading: Loading | undefined;
  #isUnreadable = false;

  constructor(of: ReadBox, context: MailContext) {
    this.#of = of;
    this.#context = context;
  }

  /** It is read, and nothing waits for that. */
  get isReady(): boolean {
    return this.#of.box.isLoaded && this.#loading === undefined;
  }

  /** Reads all of it now. @throws Fault unavailable: it is damaged */
  now(): void {
    this.#begun?.finish();
  }

  /** The same in slices. Rejected with Fault unavailable: it is damaged. */
  async inSlices(): Promise<void> {
    await this.#begun?.whole();
  }

  /** The same, for which nobody waits. */
  soon(): void {
    if (!this.isReady) this.inSlices().catch(() => undefined); // logged already
  }

  /** Lets a message wait until the box is read. @returns false if it need not wait, or too many do */
  wait(message: Message): boolean {
    if (!this.isReady && this.#of.box.counts.stored > rowsAtOnce) this.soon(); // so much may have to be read
    return this.#loading?.wait(message) === true;
  }

  /** Resolves when what waits, and came last, is taken. Rejected with why it was refused. */
  async lastTaken(): Promise<void> {
    await this.#loading?.lastTaken();
  }

  /** Resolves when what this sender has said, and waits until the box is read, is taken. */
  async taken(from: string): Promise<void> {
    if (this.#loading?.hasOf(from) === true) await this.inSlices();
  }

  /** Takes now what waits until the box is read: the broker stops. */
  finish(): void {
    try {
      if (this.#loading?.hasAny === true) this.#loading.finish();
    } catch {
      // logged already, and their senders are told
    }
  }

  /** What is left to be read of it. */
  get #begun(): Loading | undefined {
    if (!this.isReady && this.#loading === undefined) this.#begin();
    return this.#loading;
  }

  #begin(): void {
    const { clock, reading, startedAt, store } = this.#context;
    const of = this.#of;
    const { box } = of;
    const over = (): void => {
      this.#loading = undefined;
      reading.delete(this);
    };
    reading.add(this);
    this.#loading = new Loading(this.#context, store.rows(box.id, 1), {
      row: (row) => {
        box.load(row, clock.now(), startedAt);
      },
      read: () => {
        box.loaded();
        of.taking.load();
      },
      take: (message) => of.intake.takeLate(message, of.isHere),
      refuse: ({ envelope }, fault) => {
        of.intake.takeBack(envelope, fault);
      },
      done: () => {
        over();
        of.pumpSoon();
      },
      failed: (fault) => {
        this.#tellUnreadable(fault);
        over();
        box.unload();
      },
    });
  }

  /** It is said once, however many ask for it. */
  #tellUnreadable({ message: why }: Fault): void {
    if (!this.#isUnreadable) this.#context.log("error", "a mailbox cannot be read", { agent: this.#of.box.name, why });
    this.#isUnreadable = true;
  }
}
