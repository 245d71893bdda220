import { agentNameProblem, Fault, type Clock, type Limits } from "../core/index.js";
import type { Table } from "../storage/table.js";

/** A pair as it is kept, under both names. */
export interface ContactRow {
  /** Since when: wall clock, milliseconds. */
  readonly at: number;
}

/** Two agents that the operator has approved as contacts of each other. */
export interface ContactPair extends ContactRow {
  readonly agents: readonly [string, string];
}

/** A change of the book, for the audit log. */
export interface ContactEvent {
  readonly event: "contacts.added" | "contacts.removed";
  readonly agents: readonly [string, string];
  /** Who has changed it. */
  readonly by: string;
}

/** No name holds it, so it stands between two. */
const between = "\0";

/**
 * Who has been approved as a contact of whom: always mutual, by names, kept on disk until the operator removes it. An
 * approval counts when it is on disk, a removal at once; nobody is told of either before it is on disk.
 */
export class ContactBook {
  /** The contacts of each name. */
  // bound: contactsMax pairs, contactsPerAgentMax of one name, names of 128 bytes · evicts: nothing, one more is refused
  // as full; the operator removes them · owner: ContactBook
  readonly #of = new Map<string, Set<string>>();
  #pairs = 0;
  /** Raised with each change. */
  #version = 0;
  #table: Table<ContactRow> | undefined;
  /** Changes are made one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #limits: Pick<Limits, "contactsMax" | "contactsPerAgentMax">;
  readonly #clock: Pick<Clock, "now">;
  readonly #witness: (event: ContactEvent) => void;

  constructor(
    limits: Pick<Limits, "contactsMax" | "contactsPerAgentMax">,
    clock: Pick<Clock, "now">,
    witness: (event: ContactEvent) => void,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#witness = witness;
  }

  /** Restores what is in `table`, and keeps changes there from now on. */
  load(table: Table<ContactRow>): void {
    this.#table = table;
    for (const [key] of table.range("", "\uffff")) this.#link(...namesOf(key));
  }

  /** Pairs. */
  get size(): number {
    return this.#pairs;
  }

  get version(): number {
    return this.#version;
  }

  has(one: string, other: string): boolean {
    return this.#of.get(one)?.has(other) === true;
  }

  /** The contacts of a name, by name. */
  of(name: string): readonly string[] {
    return [...(this.#of.get(name) ?? [])].sort();
  }

  /**
   * Pairs in the order of their names.
   * @param after behind this pair; from the first one if absent
   */
  page(
    after: readonly [string, string] | undefined,
    max: number,
  ): { readonly pairs: readonly ContactPair[]; readonly isMore: boolean } {
    const pairs: ContactPair[] = [];
    // The first key behind a pair: the pair's own, and the smallest character.
    const from = after === undefined ? "" : `${keyOf(...after)}${between}`;
    for (const [key, { at }] of this.#kept().range(from, "\uffff")) {
      if (pairs.length === max) return { pairs, isMore: true };
      pairs.push({ agents: namesOf(key), at });
    }
    return { pairs, isMore: false };
  }

  /** Pairs of one name, by the name of the other. */
  pairsOf(name: string): readonly ContactPair[] {
    return this.of(name).flatMap((other) => {
      const row = this.#kept().get(keyOf(name, other));
      return row === undefined ? [] : [{ agents: [name, other], ...row }];
    });
  }

  /**
   * Approves two agents as contacts of each other. Resolves when that is on the disk.
   * @returns false if they were before
   * @throws Fault malformed (a name), full, unavailable, as rejections
   */
  add(one: string, other: string, by: string): Promise<boolean> {
    return this.#inTurn(async () => {
      mustBePair(one, other);
      if (this.has(one, other)) return false;
      this.#mustHaveRoom(one, other);
      await this.#kept().put(keyOf(one, other), { at: this.#clock.now() });
      this.#link(one, other);
      this.#witness({ event: "contacts.added", agents: [one, other], by });
      return true;
    });
  }

  /**
   * Ends what `add` began. Resolves when that is on the disk.
   * @returns false if they were no contacts
   * @throws Fault malformed (a name), unavailable, as rejections: they are contacts again after a restart
   */
  remove(one: string, other: string, by: string): Promise<boolean> {
    return this.#inTurn(async () => {
      mustBePair(one, other);
      const key = keyOf(one, other);
      const wasKept = this.#kept().get(key) !== undefined;
      const was = this.#unlink(one, other) || wasKept;
      if (!was) return false;
      await this.#kept().delete(key);
      this.#witness({ event: "contacts.removed", agents: [one, other], by });
      return true;
    });
  }

  /**
   * Removes all that is known of a name, without a line in the audit log for each.
   * @returns how many contacts it had
   * @throws Fault unavailable, as a rejection
   */
  forget(name: string): Promise<number> {
    return this.#inTurn(async () => {
      const others = this.of(name);
      if (others.length > 0) await this.#kept().batch(others.map((other) => ({ delete: keyOf(name, other) })));
      for (const other of others) this.#unlink(name, other);
      return others.length;
    });
  }

  #kept(): Table<ContactRow> {
    if (this.#table === undefined) throw new Fault("unavailable", "contacts cannot be kept before the broker started");
    return this.#table;
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#turn.then(change);
    this.#turn = changed.catch(() => undefined); // whoever asked for it hears of it
    return changed;
  }

  #mustHaveRoom(...pair: readonly [string, string]): void {
    const { contactsMax, contactsPerAgentMax } = this.#limits;
    if (this.#pairs >= contactsMax)
      throw new Fault("full", `there are ${contactsMax} pairs of contacts, and no more can be (contactsMax)`);
    for (const name of pair)
      if ((this.#of.get(name)?.size ?? 0) >= contactsPerAgentMax)
        throw new Fault(
          "full",
          `${name} has ${contactsPerAgentMax} contacts, and no more can be (contactsPerAgentMax)`,
        );
  }

  #link(one: string, other: string): void {
    if (this.has(one, other)) return;
    this.#pairs += 1;
    this.#version += 1;
    for (const [name, contact] of [
      [one, other],
      [other, one],
    ] as const) {
      const contacts = this.#of.get(name);
      if (contacts === undefined) this.#of.set(name, new Set([contact]));
      else contacts.add(contact);
    }
  }

  #unlink(one: string, other: string): boolean {
    if (!this.has(one, other)) return false;
    this.#pairs -= 1;
    this.#version += 1;
    for (const [name, contact] of [
      [one, other],
      [other, one],
    ] as const) {
      const contacts = this.#of.get(name);
      contacts?.delete(contact);
      if (contacts?.size === 0) this.#of.delete(name);
    }
    return true;
  }
}

function keyOf(one: string, other: string): string {
  return one < other ? `${one}${between}${other}` : `${other}${between}${one}`;
}

function namesOf(key: string): [string, string] {
  const [one = "", other = ""] = key.split(between);
  return [one, other];
}

/** @throws Fault malformed */
function mustBePair(...pair: readonly [string, string]): void {
  for (const name of pair) {
    const problem = agentNameProblem(name);
    if (problem !== undefined) throw new Fault("malformed", `the agent's name ${problem}`);
  }
  if (pair[0] === pair[1]) throw new Fault("malformed", `${pair[0]} needs no approval for itself: name two agents`);
}
