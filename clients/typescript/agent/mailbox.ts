import { randomUUID } from "node:crypto";
import { asFault, Fault, topicKind, type Envelope, type Log } from "../../../src/core/index.js";
import type { Hearing } from "./hearing.js";
import {
  listIn,
  peekedIn,
  dataOf,
  type Delivery,
  type MailboxStatus,
  type MailCursor,
  type PeekedPage,
} from "./mail-answers.js";
import { refuseUnknown } from "./known-options.js";
import { mailOf, type Mail, type MailOptions } from "./mail.js";
import type { MailboxOption } from "./mailbox-options.js";
import { mailboxSettings } from "./mailbox-settings.js";
import { SentMessages } from "./sent.js";
import type { AskBroker } from "./settlements.js";
import { TakeLoop, type Respond } from "./take-loop.js";
import { Taking } from "./taking.js";

/** What an {@link AgentMailbox} works with. */
export interface AgentMailboxParts {
  /** Whose it is. */
  readonly name: string;
  readonly ask: AskBroker;
  readonly hearing: () => Hearing;
  readonly respond: Respond;
  readonly tell: Log;
  /** How many messages that no handler takes are held at most, and receipts of how many messages awaited. */
  readonly options: { readonly inboxMax: number; readonly pendingMax: number; readonly exclusive: boolean };
}

/** What to look at: `after` is the `next` of the look before. */
export interface PeekOptions {
  readonly after?: MailCursor;
  readonly max?: number;
  /** Those that could not be delivered, instead of those that wait. */
  readonly dead?: boolean;
}

/** Questions about requests that were not answered in time that are open at once, and how long each waits, milliseconds. */
const overdueMax = 32;
const overdueMs = 500;

/** The mailbox of one agent, as far as it is this agent's: what it takes out of it, and what it waits to be told. */
export class AgentMailbox {
  readonly sent: SentMessages;
  readonly #parts: AgentMailboxParts;
  readonly #taking: Taking;
  #loop: TakeLoop | undefined;
  #mode: "none" | "push" | "take" = "none";
  /** Somebody iterates over `mail()`. */
  #isRead = false;
  #overdue = 0;

  constructor(parts: AgentMailboxParts) {
    this.#parts = parts;
    const { name, ask, tell } = parts;
    this.sent = new SentMessages(parts.options.pendingMax, (id) => this.state(id));
    this.#taking = new Taking({
      name,
      isAlone: parts.options.exclusive,
      ask,
      tell,
      isAwaited: (envelope) => parts.hearing().isAwaited(envelope) || this.sent.take(envelope),
      changed: () => this.#loop?.changed(),
    });
  }

  /** Opens it, or changes it, and takes messages if this is its mode. @throws Fault malformed, forbidden, full, unavailable */
  async open(option: Exclude<MailboxOption, false>): Promise<MailboxStatus> {
    const { open, take } = mailboxSettings(option);
    const status = dataOf(await this.#ask("mailbox.open", open)) as unknown as MailboxStatus; // our broker's answer
    if (take !== undefined) await this.#taking.takeBack(status.leased);
    this.#loop?.stop();
    this.#loop = undefined;
    this.#mode = take === undefined ? "push" : "take";
    if (take === undefined) await this.#taking.releaseWaiting();
    else if (!this.#isRead) {
      const { respond, tell, options } = this.#parts;
      const hearing = this.#parts.hearing();
      this.#loop = new TakeLoop(take, { taking: this.#taking, hearing, respond, tell, inboxMax: options.inboxMax });
      hearing.unhandled.changed = () => this.#loop?.changed();
      this.#loop.changed();
    }
    return status;
  }

  /** @throws Fault conflict (something waits in it, and `discard` is not said), forbidden, not-found */
  async close(discard: boolean): Promise<void> {
    await this.#ask("mailbox.close", discard ? { discard } : {});
    this.#loop?.stop();
    this.#loop = undefined;
    this.#mode = "none";
  }

  /** @throws Fault not-found */
  async status(): Promise<MailboxStatus> {
    return dataOf(await this.#ask("mailbox.status")) as unknown as MailboxStatus; // our broker's answer
  }

  /** @throws Fault not-found, malformed */
  async peek(options: PeekOptions): Promise<PeekedPage> {
    refuseUnknown("peek", options, ["after", "max", "dead"]);
    const { after, max, dead } = options;
    const wanted = { ...(after && { after }), ...(max !== undefined && { max }), ...(dead !== undefined && { dead }) };
    return peekedIn(await this.#ask("mailbox.peek", wanted), this.#parts.name);
  }

  /** Where a message of this agent's stands, in whichever mailboxes it lies. */
  async state(messageId: string): Promise<readonly Delivery[]> {
    return listIn(await this.#ask("mailbox.state", { message_id: messageId }), "deliveries") as unknown as Delivery[];
  }

  /**
   * Messages one by one; from the first one on, the agent's handlers and iterations get none.
   * @throws Fault malformed; and by the first message: conflict, forbidden, not-found
   */
  mail(options: MailOptions): AsyncGenerator<Mail, undefined> {
    if (this.#mode !== "take")
      throw new Fault("malformed", 'this agent takes no messages; connect it with mailbox: "take", or open that first');
    refuseUnknown("mail", options, ["max", "waitMs", "leaseMs", "maxTokens"]);
    return this.#read(options);
  }

  async *#read(options: MailOptions): AsyncGenerator<Mail, undefined> {
    if (this.#isRead)
      throw new Fault("conflict", "the messages of this mailbox are read by mail() already; end that first");
    this.#isRead = true;
    this.#loop?.stop();
    try {
      yield* mailOf(this.#taking, options);
    } finally {
      this.#isRead = false;
    }
    return undefined;
  }

  /** Handlers have changed. */
  changed(): void {
    this.#loop?.changed();
  }

  /** Takes what comes for the mailbox beside it: receipts, and answers that are late. @returns false if it is neither */
  take(envelope: Envelope): boolean {
    return this.sent.take(envelope) || this.#taking.takeLate(envelope);
  }

  /** The broker is reached, for the first time or again. */
  reconnected(): void {
    this.#taking.reconnected();
    this.sent.reconnected();
  }

  /**
   * Why a request was not answered in time, where a mailbox has it; undefined where nothing is known. Asked only for a
   * few at once: many that time out together wait for nobody.
   */
  async overdue(to: string, messageId: string): Promise<Fault | undefined> {
    if (topicKind(to) !== "agent" || this.#overdue >= overdueMax) return undefined;
    this.#overdue += 1;
    try {
      const options = { messageId: randomUUID(), timeoutMs: overdueMs };
      const answer = await this.#parts.ask("mailbox.state", { message_id: messageId }, options);
      const deliveries = listIn(answer, "deliveries") as unknown as readonly Delivery[];
      const delivery = deliveries.find((one) => one.to === to);
      return delivery === undefined ? undefined : overdueFault(delivery);
    } catch (thrown) {
      this.#parts.tell("info", "it is not known whether a mailbox has a request", { cause: asFault(thrown).message });
      return undefined;
    } finally {
      this.#overdue -= 1;
    }
  }

  /** Gives back what was not begun and finishes what was, within so many milliseconds. */
  async drain(withinMs: number): Promise<void> {
    await Promise.all([this.#taking.drain(), this.#loop?.drain(withinMs)]);
    this.#loop?.stop();
  }

  end(fault: Fault): void {
    this.#loop?.stop();
    this.#taking.close();
    this.sent.close(fault);
  }

  #ask(kind: string, data: Readonly<Record<string, unknown>> = {}): Promise<Envelope> {
    return this.#parts.ask(kind, data);
  }
}

function overdueFault({ to, state, reason, until, away_since: since }: Delivery): Fault | undefined {
  const detail = {
    to,
    state,
    until,
    ...(reason !== undefined && { reason }),
    ...(since !== undefined && { away_since: since }),
  };
  if (state === "answered") return undefined;
  const words =
    state === "done"
      ? `${to} has it and has not answered in time`
      : state === "waiting" || state === "leased"
        ? `stored for ${to}, ${since === undefined ? "which has not answered yet" : `away since ${since}`}, will be delivered until ${until}`
        : `the request to ${to} is ${state}${reason === undefined ? "" : `: ${reason}`}`;
  return new Fault("timeout", words, { detail });
}
