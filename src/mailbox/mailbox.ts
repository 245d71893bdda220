import {
  brokerTopic,
  Message,
  noticeMessage,
  noticeOf,
  provesAtLeast,
  type Envelope,
  type Fault,
  type Keeper,
  type Recipient,
  type Subscriber,
} from "../core/index.js";
import type { Overdue } from "./asked-requests.js";
import { owns } from "./box-owner.js";
import type { Box } from "./box.js";
import type { Entry } from "./entry.js";
import { deliveryId } from "./delivery-id.js";
import { digestOf, passes, receiptOf, saysReceipt, senderOf, sizeOf, whyFull, type Sender } from "./incoming.js";
import type { MailContext } from "./mail-context.js";
import { Oldest } from "./oldest.js";
import type { MailRow } from "./mail-row.js";
import { Pushing } from "./push.js";
import { Settling } from "./settling.js";
import { Taking } from "./taking.js";

const priorities = { HIGH: 0, NORMAL: 1, LOW: 2 } as const;
/** A repeat is recognised for this long, milliseconds. */
const repeatMs = 86_400_000;
/** Of messages of one sender with one id so many are told apart, the last ones: more would take long to look at. */
const sameIdMax = 32;
/** What came to such an end may be sent again. */
const isLost = ({ state }: MailRow): boolean => state === "expired" || state === "dead";

/** The mailbox of one name: takes what is for it, and hands it over to its owner's connections. */
export class Mailbox implements Keeper {
  readonly box: Box;
  /** The connection whose share it counts against, if one opened it since the start. */
  readonly openedBy: string | undefined;
  #oldest: Oldest | undefined;
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

  constructor(box: Box, context: MailContext, openedBy?: string) {
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

  /** Looks when the oldest message that is not settled came, wall clock; undefined: none waits. */
  lookOldest(): number | undefined {
    const { waiting, leased } = this.box.counts;
    if (waiting + leased === 0 && this.#oldest === undefined) return undefined;
    return (this.#oldest ??= new Oldest(this.box)).look(this.#context.store);
  }

  keep(message: Message): "kept" | "passes" | "repeated" {
    const { envelope } = message;
    if (envelope === undefined || passes(envelope, this.isHere)) return "passes";
    const { journal, totals, limits } = this.#context;
    if (journal.isFailing) throw journal.unavailable();
    this.load();
    const sender = senderOf(message, envelope);
    const digest = digestOf(envelope);
    const repeated = this.#repeated(sender, envelope, digest);
    if (repeated !== undefined) {
      void this.#tellRepeat({ ...repeated, receipt: receiptOf(envelope) });
      return "repeated";
    }
    const body = message.keep().stampedPayload;
    const full = whyFull(this.box, sender, sizeOf(body), { totals, limits, isHere: this.isHere });
    if (full !== undefined) throw saysReceipt(full, envelope);
    const row = this.#rowOf(message, envelope, { sender, digest, bytes: sizeOf(body) });
    const entry = this.box.add(row, !this.isHere || this.box.size > 0);
    journal.arrived({ box: this.box, entry, row, message }, body);
    return "kept";
  }

  async safe(): Promise<void> {
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
    this.#context.slices.do(() => {
      if (this.pushing.size === 0) return;
      this.load();
      this.pushing.pump();
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
    if (row === undefined || (row.state !== "waiting" && row.state !== "leased" && row.state !== "done"))
      return undefined;
    const until = new Date(row.until).toISOString();
    const { awaySince } = box.settings;
    const since = awaySince === undefined ? undefined : new Date(awaySince).toISOString();
    const data = { state: row.state, until, ...(since !== undefined && { away_since: since }) };
    if (row.state === "done") return { message: `${box.name} has it and has not answered in time`, data };
    const away = this.isHere ? "which has not taken it yet" : `away${since === undefined ? "" : ` since ${since}`}`;
    return { message: `stored for ${box.name}, ${away}, will be delivered until ${until}`, data };
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

  /** It could not be kept: it has never been here. */
  failed(entry: Entry, row: MailRow, fault: Fault): void {
    const { ledger, tell } = this.#context;
    this.box.remove(entry, row);
    ledger.messages.stored -= 1;
    ledger.refuse("mailbox-unavailable");
    if (row.type === "response" || row.from === brokerTopic) return;
    const { code, message } = fault;
    tell(row.from, noticeOf({ code, message }, { message_id: row.messageId, to: this.box.name }));
  }

  /** Ends what has had its time: leases, pauses, and how long an answer may be late. Wall clock, and monotonic. */
  round(now: number, monotonic: number): void {
    if (!this.box.isLoaded) return;
    this.taking.round(monotonic);
    this.box.asked.tidy(now);
  }

  /** The time of a row is over. @returns false if nothing can be done now */
  due(row: MailRow): boolean {
    this.load();
    return this.settling.due(row);
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

  /** Reads what is on disk of it, once, when it is first needed. */
  load(): void {
    const { store, clock } = this.#context;
    const { box } = this;
    if (box.isLoaded) return;
    box.load(store.rows(box.id, 1), clock.now(), this.#context.startedAt);
    this.taking.load();
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

  /** The sender has said the same again: it hears where the first one stands, once that is on the disk. */
  async #tellRepeat(row: MailRow): Promise<void> {
    const { journal, receipts, store } = this.#context;
    if (row.receipt === 0) return;
    journal.touched(this.box);
    try {
      await (
        await journal.written()
      ).kept;
    } catch {
      return; // whoever said it first is told
    }
    const now = store.row(row.box, row.seq);
    if (now !== undefined) receipts.repeated({ ...now, receipt: row.receipt });
  }

  #repeated({ key }: Sender, { message_id: id }: Envelope, digest: string): MailRow | undefined {
    const since = this.#context.clock.now() - repeatMs;
    for (const row of this.#context.store.said(key, id, { box: this.box.id, max: sameIdMax })) {
      const isSame = row.digest === digest && row.storedAt >= since;
      if (isSame && !isLost(row)) return row;
    }
    return undefined;
  }

  #rowOf(
    { trust }: Message,
    envelope: Envelope,
    { sender, digest, bytes }: { readonly sender: Sender; readonly digest: string; readonly bytes: number },
  ): MailRow {
    const now = this.#context.clock.now();
    const expires = envelope.expires_at === undefined ? NaN : Date.parse(envelope.expires_at);
    const until = now + this.box.settings.keepMs;
    return {
      box: this.box.id,
      seq: this.box.nextSeq(),
      secret: this.#context.secrets.next(),
      sender: sender.key,
      from: envelope.from,
      messageId: envelope.message_id,
      type: envelope.type,
      priority: priorities[envelope.priority],
      trust,
      storedAt: now,
      until: Number.isNaN(expires) ? until : Math.min(until, expires),
      bytes,
      digest,
      receipt: receiptOf(envelope),
      state: "waiting",
      attempts: 0,
    };
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
