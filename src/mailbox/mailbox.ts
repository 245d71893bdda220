import {
  Message,
  noticeMessage,
  noticeOf,
  provesAtLeast,
  type Envelope,
  type Keeper,
  type Recipient,
  type Subscriber,
} from "../core/index.js";

import { owns, type OpenedBy } from "./box-owner.js";
import type { Box } from "./box.js";
import type { Entry } from "./entry.js";
import { deliveryId } from "./delivery-id.js";
import { passes } from "./incoming.js";
import { Intake } from "./intake.js";
import type { MailContext } from "./mail-context.js";
import { LoadOnce } from "./load-once.js";
import { Oldest } from "./oldest.js";
import type { MailRow } from "./mail-row.js";
import { overdueOf, type Overdue } from "./overdue.js";
import { Pushing } from "./push.js";
import { Settling } from "./settling.js";
import { Taking } from "./taking.js";

/** The mailbox of one name: takes what is for it, and hands it over to its owner's connections. */
export class Mailbox implements Keeper {
  readonly box: Box;
  /** Whose share it counts against, if it was opened since the start. */
  readonly openedBy: OpenedBy | undefined;
  #oldest: Oldest | undefined;
  #loadOnce: LoadOnce | undefined;
  #intake: Intake | undefined;
  #settling: Settling | undefined;
  #pushing: Pushing | undefined;
  #taking: Taking | undefined;
  readonly #context: MailContext;
  // bound: connections that hear the name (zmqConnectionsMax, wsConnectionsMax) · evicts: goes with its connection ·
  // owner: Mailbox
  #here: Set<Recipient> | undefined;
  /** Monotonic time since when the owner is connected. */
  #hereSince: number | undefined;
  #isPumpDue = false;

  constructor(box: Box, context: MailContext, openedBy?: OpenedBy) {
    this.box = box;
    this.openedBy = openedBy;
    this.#context = context;
  }

  /** When the oldest message that is not settled came, as it was looked for last, wall clock; undefined: none waits. */
  get oldestAt(): number | undefined {
    return this.#oldest?.at;
  }

  /** What brings messages to their end, leases them, and pushes them: made when the box is first used. */
  get settling(): Settling {
    return (this.#settling ??= new Settling(this.box, this.#context));
  }

  /** How it is read. */
  get #loading(): LoadOnce {
    return (this.#loadOnce ??= new LoadOnce(this, this.#context));
  }

  /** What comes into it. */
  get intake(): Intake {
    return (this.#intake ??= new Intake(this.box, this.#context));
  }

  get taking(): Taking {
    return (this.#taking ??= new Taking(this.box, this.settling, this.#context, {
      hereSince: () => this.#hereSince,
      freed: (seq) => {
        this.pushing.back(seq);
        if (this.box.settings.mode === "push") this.pumpSoon();
      },
    }));
  }

  get pushing(): Pushing {
    const { limits, clock, log } = this.#context;
    return (this.#pushing ??= new Pushing(this.box, limits, {
      message: (entry, attempt) => this.#message(entry, attempt),
      handedOver: (entries) => {
        for (const entry of entries) this.settling.settle(entry, "done");
        this.settling.giveUpOldest();
      },
      failed: (thrown) => {
        log("error", "a mailbox cannot hand over what waits", { agent: this.box.name, cause: String(thrown) });
      },
      rests: ({ until }) => until > clock.monotonic(),
      unrenderable: (entry, why) => {
        log("warn", "a message in a mailbox cannot be told to its owner", { agent: this.box.name, why });
        this.settling.settle(entry, "dead", "unrenderable");
      },
    }));
  }

  /** What it takes cannot be proved to have been read. */
  get isUnproved(): boolean {
    return this.#pushing?.isUnproved === true;
  }

  /** Nothing more is pushed. */
  end(): void {
    this.#pushing?.end();
  }

  /** The owner is connected. */
  get isHere(): boolean {
    return this.#here !== undefined;
  }

  /** Looks when the oldest message that is not settled came, if the box is read; of another, {@link searchOldest}. */
  lookOldest(): void {
    if (this.#loadOnce?.isReady === true) this.searchOldest();
  }

  /** One piece of the same work, of a box that need not be read. @returns "more" if it has not been found yet */
  searchOldest(): "more" | undefined {
    const { waiting, leased } = this.box.counts;
    if (waiting + leased === 0 && this.#oldest === undefined) return undefined;
    return (this.#oldest ??= new Oldest(this.box)).search(this.#context.store);
  }

  keep(message: Message): "kept" | "passes" | "repeated" {
    const { envelope } = message;
    if (envelope === undefined || passes(envelope, this.isHere)) return "passes";
    const { journal } = this.#context;
    if (journal.isFailing) throw journal.unavailable();
    if (this.#loading.wait(message)) return "kept";
    this.load();
    return this.intake.take(message, envelope, this.isHere);
  }

  async safe(): Promise<void> {
    await this.#loading.lastTaken();
    await (
      await this.#context.journal.written()
    ).kept;
  }

  arrived({ recipient }: Subscriber): void {
    if (recipient === undefined || this.#here?.has(recipient) === true) return;
    const { box } = this;
    if (!this.#isOwners(recipient)) {
      this.#tellWeak(recipient);
      return;
    }
    if (this.#here === undefined) {
      this.#here = new Set();
      this.#hereSince = this.#context.clock.monotonic();
      box.away(undefined);
      this.#context.journal.touched(box);
    }
    this.#here.add(recipient);
    this.#loading.soon();
    this.resume(recipient);
  }

  left({ recipient }: Subscriber): void {
    if (recipient === undefined || this.#here?.delete(recipient) !== true) return;
    this.pushing.left(recipient);
    if (this.#here.size > 0) return;
    this.#here = undefined;
    this.#hereSince = undefined;
    this.box.away(this.#context.clock.now());
    this.#context.journal.touched(this.box);
  }

  /** What has come in cannot be lost by a kill any more: it may go out. */
  committed(): void {
    if (this.box.settings.mode === "push") this.#pump();
    this.#taking?.wake();
  }

  /** Begins to push to a connection, if this is what its owner wants. */
  resume(recipient: Recipient): void {
    if (this.box.settings.mode !== "push") return;
    this.pushing.arrived(recipient);
    this.pumpSoon();
  }

  /** The mode has changed. */
  changeMode(): void {
    this.pushing.end();
    if (this.box.settings.mode === "push") this.taking.giveBack();
    for (const recipient of this.#here ?? []) this.resume(recipient);
  }

  /** What is here is handed over once the present turn is done: first the connection is greeted. */
  pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    setImmediate(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  /** Many boxes that are loaded and handed over at once go in slices. */
  #pump(): void {
    if (this.#here === undefined) return;
    if (!this.#loading.isReady) {
      this.#loading.soon();
      return; // it is pumped when that is done
    }
    this.#context.slices.do(() => {
      if (this.pushing.size > 0) this.pushing.pump();
    });
  }

  /** What an answer of the owner to `asker` answers; `messageId` if it says so. */
  asked(asker: string, messageId?: string): string | undefined {
    this.load();
    return this.box.asked.find(asker, messageId, this.#context.clock.now())?.messageId;
  }

  /** Where a request stands whose asker waits no longer. */
  overdue(from: string, messageId: string): Overdue | undefined {
    this.load();
    const { box } = this;
    const asked = box.asked.find(from, messageId, this.#context.clock.now());
    const row = asked === undefined ? undefined : this.#context.store.row(box.id, asked.seq);
    return row && overdueOf(row, box, this.isHere);
  }

  /** Somebody who says that it is the owner has answered a request. */
  answered({ to, in_reply_to: messageId }: Envelope, said: Pick<Message, "trust" | "speaker">): void {
    if (messageId === undefined || !this.#isSaidByOwner(said)) return;
    this.load();
    const { box, settling } = this;
    const asked = box.asked.find(to, messageId, this.#context.clock.now());
    if (asked === undefined || asked.closesAt !== undefined) return;
    const entry = box.entry(asked.seq);
    if (entry !== undefined) settling.settle(entry, "answered");
    else {
      const row = this.#context.store.row(box.id, asked.seq);
      if (row?.state === "done") settling.resettle(row, "answered");
    }
  }

  /** Ends what has had its time: leases, pauses, and how long an answer may be late. Wall clock, and monotonic. */
  round(now: number, monotonic: number): void {
    if (!this.box.isLoaded) return;
    this.taking.round(monotonic);
    this.box.asked.tidy(now);
  }

  /** The time of a row is over. @returns false if nothing can be done now */
  due(row: MailRow): boolean {
    this.#loading.soon();
    return this.#loading.isReady && this.settling.due(row);
  }

  /** The box is closed: the next of what waits in it reaches nobody. @returns false if nothing is left */
  discardOne(): boolean {
    this.load();
    for (const entry of this.box.after(0)) {
      this.settling.settle(entry, "dead", "closed");
      return true;
    }
    return this.settling.giveUpOne("closed");
  }

  /** Reads what is on disk of it, once, when it is first needed: now. @throws Fault unavailable: it is damaged */
  load(): void {
    this.#loading.now();
  }

  /** The same in slices. Rejected with Fault unavailable: it is damaged. */
  async loaded(): Promise<void> {
    await this.#loading.inSlices();
  }

  #isOwners({ principal }: Recipient): boolean {
    return owns(this.box.settings, principal, this.#context.mayClaim);
  }

  /** True if who said it may settle what is in the box: a session that hears nothing of it does not. */
  #isSaidByOwner({ trust, speaker }: Pick<Message, "trust" | "speaker">): boolean {
    const { settings } = this.box;
    if (!provesAtLeast(trust, settings.trust)) return false;
    return (speaker === undefined && trust === "proved") || owns(settings, speaker, this.#context.mayClaim);
  }

  /** A session that proves less than the owner hears nothing of the box, and is told. */
  #tellWeak(recipient: Recipient): void {
    const { name } = this.box;
    const message =
      `${name} has a mailbox, and what waits in it is for the one who opened it: prove the name as then ` +
      "(its key, or its token: broker token NAME)";
    setImmediate(() => {
      recipient.push(noticeMessage(name, noticeOf({ code: "forbidden", message }), this.#context));
    });
  }

  /** A message as it goes out. One that has expired meanwhile, or whose body is gone, does not. */
  #message(entry: Entry, attempt: number): Message | undefined {
    const { store, clock } = this.#context;
    const { box } = this;
    const row = store.row(box.id, entry.seq);
    const body = row === undefined ? undefined : store.body(box.id, entry.seq);
    if (row === undefined || body === undefined) {
      this.settling.vanished(entry);
      return undefined;
    }
    if (row.until <= clock.now()) {
      this.settling.settle(entry, "expired");
      return undefined;
    }
    return Message.kept(
      body,
      { topic: box.name, receivedAt: row.storedAt, trust: row.trust, origin: undefined },
      {
        ...((entry.waited || attempt > 1) && { stored_at: new Date(row.storedAt).toISOString() }),
        ...(attempt > 1 && { delivery_id: deliveryId(row), attempt }),
      },
    );
  }
}
