import { brokerTopic, Fault, type Clock, type Limits } from "../core/index.js";
import type { Tables } from "../storage/table.js";
import type { Agents } from "./agents.js";
import { ContactBook, type ContactEvent } from "./contact-book.js";
import { ContactNames } from "./contact-names.js";
import type { AgentEntry, Contacts } from "./directory.js";

/** Whom contacts keep apart, and who is told of changes. */
export interface ContactsOptions {
  /**
   * Dialects whose agents have to do with approved contacts only (`contacts: "listed"` of their settings), in whatever
   * dialect those are.
   */
  readonly listedIn: ReadonlySet<string>;
  /** Dialects whose agents seal what they say to each other: no mailbox is to keep it. */
  readonly sealedIn: ReadonlySet<string>;
  /** The operator's name: it meets everybody. */
  readonly operator: string;
  /** Hears of each change that is on the disk. */
  readonly witness?: (event: ContactEvent) => void;
}

/** Nobody is kept apart. */
export const openContacts: ContactsOptions = { listedIn: new Set(), sealedIn: new Set(), operator: "" };

/** Why nobody gets through to somebody who is no contact, as `reason` of the fault. */
export const notApproved = "not approved";

/** Contacts as the settings of dialects and the operator's list say. */
export class ContactRule implements Contacts {
  readonly book: ContactBook;
  readonly names: ContactNames;
  readonly sealed: ContactNames;
  readonly #agents: Agents;
  readonly #options: ContactsOptions;
  /** Agents that everybody may see, by the list of all. */
  // bound: lists that somebody else keeps · evicts: with the list · owner: ContactRule
  readonly #open = new WeakMap<readonly AgentEntry[], readonly AgentEntry[]>();

  constructor(agents: Agents, limits: Limits, clock: Clock, options: ContactsOptions) {
    this.#agents = agents;
    this.#options = options;
    this.book = new ContactBook(limits, clock, options.witness ?? (() => undefined));
    this.names = new ContactNames(limits, clock);
    this.sealed = new ContactNames(limits, clock);
  }

  get isListed(): boolean {
    return this.#options.listedIn.size > 0;
  }

  /** Restores what was kept, and keeps changes from now on. @throws Fault unavailable */
  load(tables: Pick<Tables, "table">): void {
    this.book.load(tables.table("contacts"));
    this.names.load(tables.table("contact-names"));
    this.sealed.load(tables.table("sealed-names"));
  }

  /** An agent has come in. */
  arrived(name: string, dialect: string): void {
    if (this.isListedIn(dialect)) this.names.saw(name);
    if (this.#options.sealedIn.has(dialect)) this.sealed.saw(name);
    else if (this.sealed.has(name)) this.sealed.forget(name).catch(() => undefined); // the owner of the table reports it
  }

  isSealedAway(name: string): boolean {
    return this.#agents.get(name) === undefined && this.sealed.has(name);
  }

  /** True if agents of this dialect have to do with approved contacts only. */
  isListedIn(dialect: string): boolean {
    return this.#options.listedIn.has(dialect);
  }

  mayMeet(one: string, other: string): boolean {
    if (!this.isListed || one === other) return true;
    if (this.#isExempt(one) || this.#isExempt(other)) return true;
    return (!this.isListedName(one) && !this.isListedName(other)) || this.book.has(one, other);
  }

  mustMeet(one: string, other: string): void {
    const fault = this.refusal(one, other);
    if (fault !== undefined) throw fault;
  }

  refusal(from: string, to: string): Fault | undefined {
    if (this.mayMeet(from, to)) return undefined;
    return new Fault(
      "forbidden",
      `not approved: ${from} and ${to} are no contacts of each other; the operator can make them that ` +
        `(broker contacts add ${from} ${to})`,
      { detail: { reason: notApproved } },
    );
  }

  agentsFor(viewer: string): () => readonly AgentEntry[] {
    let all: readonly AgentEntry[] | undefined;
    let version = -1;
    let seen: readonly AgentEntry[] = [];
    return () => {
      const now = this.#agents.listing();
      if (!this.isListed || viewer === this.#options.operator) return now;
      if (all !== now || version !== this.book.version) {
        [all, version] = [now, this.book.version];
        seen = this.#seenBy(viewer, now);
      }
      return seen;
    };
  }

  #seenBy(viewer: string, all: readonly AgentEntry[]): readonly AgentEntry[] {
    const contacts = this.book.of(viewer);
    if (this.isListedName(viewer)) return this.#entries([viewer, this.#options.operator, ...contacts]);
    const open = this.#openOf(all);
    const added = this.#entries(contacts).filter(({ name }) => this.isListedName(name));
    return added.length === 0 ? open : [...open, ...added].sort(byName);
  }

  #openOf(all: readonly AgentEntry[]): readonly AgentEntry[] {
    let open = this.#open.get(all);
    if (open === undefined) this.#open.set(all, (open = all.filter(({ name }) => !this.isListedName(name))));
    return open;
  }

  #entries(names: readonly string[]): readonly AgentEntry[] {
    return names
      .flatMap((name) => {
        const record = this.#agents.get(name);
        return (record?.listed === true ? record.entry() : undefined) ?? [];
      })
      .sort(byName);
  }

  #isExempt(name: string): boolean {
    return name === brokerTopic || name === this.#options.operator;
  }

  /** By any of its sessions; of who is away, by what it was when it was last here. */
  isListedName(name: string): boolean {
    const record = this.#agents.get(name);
    if (record === undefined) return this.names.has(name);
    for (const { dialect } of record.presences) if (this.isListedIn(dialect)) return true;
    return false;
  }
}

function byName(one: AgentEntry, other: AgentEntry): number {
  return one.name < other.name ? -1 : 1;
}
