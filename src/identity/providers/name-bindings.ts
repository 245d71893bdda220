import { Fault, looksOf, type Clock, type Limits } from "../../core/index.js";
import type { Table } from "../../storage/table.js";
import { LookAlikes } from "../look-alikes.js";
import { ownerOf } from "./issuer.js";

/** Why a name belongs to somebody of another issuer. */
export type Ground = "claim" | "sub" | "first-use";

/** A name that belongs to one subject of one issuer, as it is kept. */
export interface Binding {
  readonly issuer: string;
  readonly subject: string;
  readonly ground: Ground;
  /** Since when: wall clock, milliseconds. */
  readonly at: number;
}

interface Bound {
  readonly binding: Binding;
  /** While it is on its way to the disk: its owner waits. */
  writing: Promise<void> | undefined;
}

/**
 * Names that belong to subjects of other issuers, each to one of them, until the operator forgets it. A name is taken at
 * once, so that of two who want it one gets it, and told when it is on the disk.
 */
export class NameBindings {
  // bound: issuerNamesMax of each issuer that is or was configured, a name and an owner of 255 characters each · evicts:
  // nothing, one more is refused as full; the operator forgets them · owner: NameBindings
  readonly #bound = new Map<string, Bound>();
  /** Names of each owner, by first use. */
  // bound: owners of the names above · evicts: goes with its last name · owner: NameBindings
  readonly #firstUses = new Map<string, number>();
  /** Names of each issuer: all, and by first use. */
  // bound: issuers that are or were configured · evicts: goes with its last name · owner: NameBindings
  readonly #ofIssuer = new Map<string, { readonly all: number; readonly firstUses: number }>();
  /** The same names, by what they look like. */
  readonly looks = new LookAlikes();
  readonly #limits: Pick<Limits, "issuerNamesMax" | "issuerFirstUsesMax">;
  readonly #clock: Pick<Clock, "now">;
  #table: Table<Binding> | undefined;

  constructor(limits: Pick<Limits, "issuerNamesMax" | "issuerFirstUsesMax">, clock: Pick<Clock, "now">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Restores what is in `table`, and keeps new ones there from now on. */
  load(table: Table<Binding>): void {
    this.#table = table;
    for (const [name, binding] of table.range("", "\uffff")) this.#add(name, { binding, writing: undefined });
  }

  has(name: string): boolean {
    return this.#bound.has(name);
  }

  get size(): number {
    return this.#bound.size;
  }

  /** Whose it is, as a proof; undefined: nobody's. */
  ownerOf(name: string): string | undefined {
    const binding = this.#bound.get(name)?.binding;
    return binding === undefined ? undefined : ownerOf(binding.issuer, binding.subject);
  }

  /** A name of somebody else than `owner` that this one looks like. */
  like(name: string, owner: string): string | undefined {
    return this.looks.find(name, looksOf(name), (other) => this.ownerOf(other) !== owner);
  }

  /** The names of one owner, or of a whole issuer. */
  namesOf(issuer: string, subject?: string): readonly string[] {
    return [...this.#bound]
      .filter(([, { binding: one }]) => one.issuer === issuer && (subject === undefined || one.subject === subject))
      .map(([name]) => name);
  }

  /**
   * Gives a name to a subject for good. Resolves when that is on the disk, at once where it was before.
   * @throws Fault conflict (it is somebody else's), full, unavailable, as rejections: nothing was given
   */
  async bind(name: string, binding: Omit<Binding, "at">): Promise<void> {
    const owner = ownerOf(binding.issuer, binding.subject);
    const held = this.#bound.get(name);
    if (held !== undefined) {
      if (this.ownerOf(name) !== owner) throw new Fault("conflict", belongs(name));
      return held.writing;
    }
    if (this.#table === undefined) throw new Fault("unavailable", "names cannot be kept before the broker has started");
    this.#mustHaveRoom(binding, owner);
    const row = { ...binding, at: this.#clock.now() };
    const bound: Bound = { binding: row, writing: undefined };
    this.#add(name, bound);
    bound.writing = this.#table.put(name, row).then(
      () => {
        bound.writing = undefined;
      },
      (error: unknown) => {
        if (this.#bound.get(name) === bound) this.#remove(name, bound);
        throw new Fault("unavailable", `the name ${name} could not be kept for you; try again later`, { cause: error });
      },
    );
    return bound.writing;
  }

  /** Frees names before anybody asks. Resolves when that is on the disk. @throws Fault unavailable, as a rejection */
  async forget(names: readonly string[]): Promise<void> {
    const known = names.filter((name) => this.#bound.has(name));
    for (const name of known) {
      const bound = this.#bound.get(name);
      if (bound !== undefined) this.#remove(name, bound);
    }
    if (known.length > 0) await this.#table?.batch(known.map((name) => ({ delete: name })));
  }

  #mustHaveRoom({ issuer, ground }: Omit<Binding, "at">, owner: string): void {
    const { issuerNamesMax, issuerFirstUsesMax } = this.#limits;
    const { all, firstUses } = this.#ofIssuer.get(issuer) ?? { all: 0, firstUses: 0 };
    const remedy = "the operator can free some (broker network forget)";
    if (ground === "first-use" && (this.#firstUses.get(owner) ?? 0) >= issuerFirstUsesMax)
      throw new Fault(
        "full",
        `you have ${String(issuerFirstUsesMax)} names by first use, and no more can be; use one of these, or ${remedy}`,
      );
    // What the issuer itself names finds room whatever strangers have chosen.
    if (all >= issuerNamesMax || (ground === "first-use" && firstUses >= issuerNamesMax / 2))
      throw new Fault("full", `users of ${issuer} have as many names as there can be; ${remedy}`);
  }

  #add(name: string, bound: Bound): void {
    this.#bound.set(name, bound);
    this.looks.add(name);
    this.#count(bound.binding, 1);
  }

  #remove(name: string, { binding }: Bound): void {
    this.#bound.delete(name);
    this.looks.delete(name);
    this.#count(binding, -1);
  }

  #count({ issuer, subject, ground }: Binding, change: 1 | -1): void {
    const first = ground === "first-use" ? change : 0;
    const { all, firstUses } = this.#ofIssuer.get(issuer) ?? { all: 0, firstUses: 0 };
    if (all + change === 0) this.#ofIssuer.delete(issuer);
    else this.#ofIssuer.set(issuer, { all: all + change, firstUses: firstUses + first });
    if (first === 0) return;
    const owner = ownerOf(issuer, subject);
    const left = (this.#firstUses.get(owner) ?? 0) + first;
    if (left === 0) this.#firstUses.delete(owner);
    else this.#firstUses.set(owner, left);
  }
}

/** Why a name is refused that somebody else of another issuer has. It does not say who. */
export function belongs(name: string): string {
  return `the name ${name} belongs to somebody else; choose another, or ask the operator, who can free it (broker network forget)`;
}
