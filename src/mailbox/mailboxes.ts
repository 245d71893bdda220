import { isIssued, type Follower, type Lifecycle, type Trust } from "../core/index.js";
import { mustBeName, mustFit, mustOwn, newBox, noBox, notEmpty, type BoxSettings, type Opener } from "./box-owner.js";
import { statusOf, type BoxStatus } from "./box-status.js";
import { Box, type BoxAccount } from "./box.js";
import { endBox } from "./box-end.js";
import { openConfigured } from "./configured-boxes.js";
import { mailContext, type MailContext } from "./mail-context.js";
import type { MailboxesOptions } from "./mailboxes-options.js";
import type { MailboxEvent } from "./mail-events.js";
import { figuresOf, OldestWatch, type MailFigures } from "./mail-figures.js";
import { MailSweep } from "./mail-sweep.js";
import type { BoxRow } from "./mail-row.js";
import type { MailStore, Written } from "./mail-store.js";
import { Mailbox } from "./mailbox.js";
import { namePage, type NamePage } from "./name-page.js";
import { NamesUnderWay } from "./names-under-way.js";
import type { Overdue } from "./overdue.js";
import { OpenerShares } from "./opener-shares.js";
import { WatchedAskers } from "./watched-askers.js";

/** All mailboxes: by the name, which is the owner's (protocols §9). */
export class Mailboxes implements Lifecycle {
  readonly #options: MailboxesOptions;
  readonly #context: MailContext;
  readonly #sweep: MailSweep;
  // bound: mailboxesMax · evicts: one more is refused as full; a box when it is closed · owner: Mailboxes
  readonly #byName = new Map<string, Mailbox>();
  // bound: mailboxesMax · evicts: as above · owner: Mailboxes
  readonly #byId = new Map<number, Mailbox>();
  readonly #underWay = new NamesUnderWay();
  readonly #askers: WatchedAskers;
  readonly #shares: OpenerShares;
  /** One for all boxes: each closure of its own would take 60 bytes of each. */
  readonly #account: BoxAccount;
  readonly #oldest: OldestWatch;
  #nextId = 1;
  #provedCount = 0;
  #unfollow: (() => void) | undefined;
  #phase: "new" | "open" | "watched" = "new";

  constructor(options: MailboxesOptions) {
    this.#options = options;
    this.#askers = new WatchedAskers(options.exchange.router);
    this.#shares = new OpenerShares(options.limits);
    const { clock, log } = options;
    this.#context = mailContext(options, (id) => this.#byId.get(id));
    const { totals } = this.#context;
    this.#account = {
      grows: ({ settings }, bytes, deadBytes) => {
        totals.bytes += bytes;
        totals.deadBytes += deadBytes;
        if (!isIssued(settings)) totals.freeBytes += bytes;
      },
      waits: (asker, isWaiting) => {
        this.#askers.waits(asker, isWaiting);
      },
    };
    this.#sweep = new MailSweep(this.#context, (id) => this.#byId.get(id));
    const all = (): Iterable<Mailbox> => this.#byId.values();
    this.#oldest = new OldestWatch(clock, all, (thrown) => {
      log("error", "the oldest message of the mailboxes could not be found", { cause: String(thrown) });
    });
  }

  async start(): Promise<void> {
    const { store, exchange } = this.#options;
    store.open();
    this.#context.startedAt = this.#options.clock.monotonic();
    try {
      for (const row of store.boxes()) {
        this.#shares.count(row, 1);
        this.#add(row);
      }
      await openConfigured(this, this.#options.configured);
    } catch (thrown) {
      await store.close();
      throw thrown;
    }
    const answered: Follower = (envelope, message) => {
      if (envelope.type === "response") this.#byName.get(envelope.from)?.answered(envelope, message);
    };
    this.#unfollow = exchange.follow(answered);
    exchange.followUnheard(answered);
    this.#phase = "open";
    if (this.#byName.size > 0) this.#beginRounds();
  }

  /** From the first box on, what is due is looked for. */
  #beginRounds(): void {
    if (this.#phase !== "open") return;
    this.#phase = "watched";
    this.#sweep.start(() => this.#byId.values());
    this.#oldest.start();
  }

  drain(): Promise<void> {
    this.#context.receipts.flush();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#sweep.stop();
    this.#oldest.stop();
    this.#unfollow?.();
    for (const [name, mailbox] of this.#byName) {
      this.#options.exchange.router.unkeep(name, mailbox);
      mailbox.end();
    }
    for (const mailbox of [...this.#context.reading]) mailbox.finish();
    this.#askers.end();
    this.#context.journal.close();
    this.#context.receipts.close();
    await this.#options.store.close();
  }

  get size(): number {
    return this.#byName.size;
  }

  get epoch(): string {
    return this.#options.store.epoch;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** True if the name belongs to whoever proves it, because it has a box that was opened so. */
  ownsProved(name: string): boolean {
    return this.#byName.get(name)?.box.settings.trust === "proved";
  }

  /** The disk: for who looks, and changes nothing. */
  get store(): MailStore {
    return this.#options.store;
  }

  /** How long a lease is, if nothing else is said. */
  get leaseMs(): number {
    return this.#options.limits.mailLeaseMs;
  }

  /** True if a claimed name may have a box: all who can claim one are on this machine. */
  get mayClaim(): boolean {
    return this.#options.mayClaim;
  }

  /** What has changed in this turn of the loop is in the store then, and {@link Written} tells when it is safe. */
  written(): Promise<Written> {
    return this.#context.journal.written();
  }

  /** Resolves when what this sender has said is taken, also where a box has to be read first. @throws Fault unavailable */
  async taken(from: string): Promise<void> {
    for (const mailbox of [...this.#context.reading]) await mailbox.taken(from);
  }

  /** A mailbox by the number of its box. */
  byId(id: number): Mailbox | undefined {
    return this.#byId.get(id);
  }

  /**
   * Who opens a box for `name` in its place: the operator. It is for whoever proves the name, if that can be proved.
   * @throws Fault malformed: it is no agent's name
   */
  openerFor(name: string): Opener {
    mustBeName(name);
    const { isProtected, mayClaim } = this.#options;
    return { name, trust: isProtected(name) || !mayClaim ? "proved" : "claimed", isOperator: true };
  }

  /** Tells the audit log what has been done to a box. */
  witness(event: MailboxEvent): void {
    this.#options.witness?.(event);
  }

  /** All of them in numbers. */
  figures(): MailFigures {
    const { store, clock } = this.#options;
    const { isFailing } = this.#context.journal;
    return figuresOf(this.#byId.values(), store, { now: clock.now(), oldestAt: this.#oldest.at, isFailing });
  }

  /**
   * The box of a name, for its owner; `undefined`: for the operator.
   * @throws Fault not-found, forbidden
   */
  own(name: string, owner: (Pick<Opener, "proof"> & { readonly trust: Trust | undefined }) | undefined): Mailbox {
    const mailbox = this.mailbox(name);
    if (mailbox === undefined) throw noBox(name);
    if (owner !== undefined) mustOwn(mailbox, owner.trust && { trust: owner.trust, proof: owner.proof }, this.mayClaim);
    return mailbox;
  }

  mailbox(name: string): Mailbox | undefined {
    return this.#byName.get(name);
  }

  /**
   * What is known of a request that was not answered in time: for whoever waits for it. Undefined if no box has it, or
   * had it.
   */
  overdue({ from, to, messageId }: Readonly<Record<"from" | "to" | "messageId", string>>): Overdue | undefined {
    return this.mailbox(to)?.overdue(from, messageId);
  }

  /** How many boxes were opened by names that were proved. */
  get provedCount(): number {
    return this.#provedCount;
  }

  /** The id of the request that an answer from `from` to `to` answers which does not say it; undefined if none is open. */
  asked(from: string, to: string): string | undefined {
    return this.mailbox(from)?.asked(to);
  }

  /**
   * Opens a box, or changes what its owner has decided about it. Resolves when that is on the disk.
   * @throws Fault full, unavailable, forbidden (it belongs to somebody who proves more)
   */
  async open(opener: Opener, settings: BoxSettings): Promise<BoxStatus> {
    const { name, trust, proof } = opener;
    const { limits, clock } = this.#options;
    const known = this.mailbox(name);
    if (known !== undefined) {
      if (opener.isOperator !== true) mustOwn(known, trust === "proved" ? { trust, proof } : undefined, this.mayClaim);
      return this.#change(known, opener, settings);
    }
    const underWay = this.#underWay.end(name);
    if (underWay !== undefined) {
      await underWay;
      return this.open(opener, settings);
    }
    mustFit(settings, limits);
    this.#shares.mustHavePlace(opener, this.#byName.size + this.#underWay.size);
    const row = newBox(opener, settings, { id: this.#nextId, now: clock.now(), limits });
    this.#nextId += 1;
    this.#shares.count(opener, 1);
    try {
      await this.#underWay.alone(name, this.#kept(row));
    } catch (thrown) {
      this.#shares.count(opener, -1);
      throw thrown;
    }
    const mailbox = this.#add(row, OpenerShares.openedBy(opener));
    this.witness({ event: "mailbox.opened", agent: name, by: opener.by ?? name, mode: row.mode, trust });
    if (row.rooms) await this.#options.reviewRooms?.(name);
    return statusOf(mailbox, this.epoch);
  }

  async #kept(row: BoxRow): Promise<void> {
    const { journal } = this.#context;
    if (journal.isFailing) throw journal.unavailable();
    journal.changed(undefined, { box: row });
    await (
      await journal.written()
    ).kept;
  }

  async #change(mailbox: Mailbox, opener: Opener, settings: BoxSettings): Promise<BoxStatus> {
    const { box } = mailbox;
    mustFit(settings, this.#options.limits);
    const before = box.settings.mode;
    const proved = opener.trust === "proved" && box.settings.trust !== "proved";
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    if (proved) this.#provedCount += 1;
    this.#recount(mailbox, -1);
    box.change({
      ...given,
      ...(proved && { trust: opener.trust, ...(opener.proof !== undefined && { proof: opener.proof }) }),
    });
    this.#recount(mailbox, 1);
    if (box.settings.mode !== before) mailbox.changeMode();
    this.#context.journal.touched(box);
    const { kept } = await this.written();
    await kept;
    if (settings.rooms !== undefined || proved) await this.#options.reviewRooms?.(box.name);
    return statusOf(mailbox, this.epoch);
  }

  /** Its owner may be another afterwards: it counts as before no more, or from now on. */
  #recount({ box, openedBy }: Mailbox, change: 1 | -1): void {
    this.#shares.count({ ...openedBy, ...box.settings }, change);
    if (!isIssued(box.settings)) this.#context.totals.freeBytes += change * box.counts.bytes;
  }

  /**
   * Closes a box. Resolves when that is on the disk.
   * @throws Fault not-found, conflict (something waits, and `discard` is not said), unavailable
   */
  async close(
    name: string,
    { discard, by = name }: { readonly discard: boolean; readonly by?: string },
  ): Promise<void> {
    const mailbox = this.#byName.get(name);
    if (mailbox === undefined) throw noBox(name);
    const { box } = mailbox;
    const waiting = box.counts.waiting + box.counts.leased;
    if (waiting > 0 && !discard) throw notEmpty(name, waiting, box.counts.leased);
    await this.#underWay.alone(name, this.#close(name, mailbox));
    this.witness({ event: "mailbox.closed", agent: name, by, discarded: waiting });
    if (box.settings.rooms) await this.#options.reviewRooms?.(name);
  }

  async #close(name: string, mailbox: Mailbox): Promise<void> {
    const { box, openedBy } = mailbox;
    mailbox.end();
    this.#options.exchange.router.unkeep(name, mailbox);
    this.#byName.delete(name);
    this.#shares.count({ ...openedBy, ...box.settings }, -1);
    if (box.settings.trust === "proved") this.#provedCount -= 1;
    await endBox(mailbox, this.#context);
    this.#byId.delete(box.id);
    const { kept } = await this.written();
    await kept;
  }

  /** @throws Fault not-found */
  status(name: string): BoxStatus {
    const mailbox = this.own(name, undefined);
    mailbox.lookOldest();
    return statusOf(mailbox, this.epoch);
  }

  /** Some of the boxes, in the order of their names, and whether more follow. */
  page(wanted: NamePage): { readonly boxes: readonly BoxStatus[]; readonly isMore: boolean } {
    const [names, isMore] = namePage(this.#byName.keys(), wanted);
    return { boxes: names.map((name) => this.status(name)), isMore };
  }

  #add(row: BoxRow, openedBy?: Mailbox["openedBy"]): Mailbox {
    const { totals } = this.#context;
    const box = new Box(row, this.#account);
    totals.bytes += row.counts.bytes;
    totals.deadBytes += row.counts.deadBytes;
    if (!isIssued(row)) totals.freeBytes += row.counts.bytes;
    if (row.trust === "proved") this.#provedCount += 1;
    const mailbox = new Mailbox(box, this.#context, openedBy);
    this.#nextId = Math.max(this.#nextId, row.id + 1);
    this.#byId.set(row.id, mailbox);
    this.#options.exchange.router.keep(row.name, mailbox);
    this.#byName.set(row.name, mailbox);
    this.#beginRounds();
    return mailbox;
  }
}
