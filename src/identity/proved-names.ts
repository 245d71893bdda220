import { FairShares, type Clock, type Limits, type Party, type Share } from "../core/index.js";
import type { Table } from "../storage/table.js";
import { ForgottenNames } from "./forgotten-names.js";
import { LookAlikes } from "./look-alikes.js";

/** How a proved name is kept: until when (wall clock), and where its key is from. A number alone: the time. */
export type KeptName = number | { readonly until: number; readonly network: string };

/** A name that is on disk for so much shorter than it is remembered is not written anew. */
const refreshMs = 24 * 60 * 60 * 1_000;
/** The form of the names that keys give (AgentChat §3.3): only such are proved without a token. */
const keyForm = /^[0-9a-f]{16}$/;

/** A name that is remembered. */
interface Known {
  /** Monotonic. */
  until: number;
  /** Wall clock until when it is on disk; 0 if it is not. */
  keptUntil: number;
  /** While it is on its way to the disk: whoever proves it again waits, too. */
  writing: Promise<void> | undefined;
  /** Counts a name that its owner proves by a key; undefined for one that has had a token. */
  readonly share: Share | undefined;
}

/**
 * Names that were proved, remembered for `provedNameMs` and over a restart: nobody may claim them without proof. Names
 * that had a token do not make room for names of keys, which anybody can make.
 */
export class ProvedNames {
  // bound: provedNamesMax of keys, 16 characters each, and the names that the operator has issued tokens for · evicts:
  // any after provedNameMs; of keys, when there are too many, the one proved longest ago of the network with the most ·
  // owner: ProvedNames
  readonly #known = new Map<string, Known>();
  /** The same names, by what they look like. */
  readonly looks = new LookAlikes();
  readonly #shares = new FairShares<string>();
  readonly #forgotten = new ForgottenNames();
  /** Names among those that were forgotten, that can be claimed all the same. */
  // bound: names that somebody has forgotten on purpose, which are the operator's list · evicts: when a name is forgotten
  // for want of room again · owner: ProvedNames
  readonly #released = new Set<string>();
  readonly #limits: Pick<Limits, "provedNameMs" | "provedNamesMax">;
  readonly #clock: Clock;
  /** By name; undefined where nothing is kept. */
  #table: Table<KeptName> | undefined;

  constructor(limits: Pick<Limits, "provedNameMs" | "provedNamesMax">, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Restores the names in `table`, and keeps new ones there from now on. */
  load(table: Table<KeptName>): void {
    this.#table = table;
    const ago = this.#clock.monotonic() - this.#clock.now();
    const rows = [...table.range("", "\uffff")].map(([name, row]) => {
      // What is kept as a number alone: names that had a token, and all of an older broker.
      const { until, network } = typeof row === "number" ? { until: row, network: "" } : row;
      return { name, until, network, isOfKey: typeof row !== "number" || keyForm.test(name) };
    });
    for (const { name, until, network, isOfKey } of rows.sort((one, other) => one.until - other.until)) {
      const share = isOfKey ? this.#shares.add(name, { network, name: network }) : undefined;
      const latest = this.#clock.monotonic() + this.#limits.provedNameMs;
      this.#known.set(name, { until: Math.min(until + ago, latest), keptUntil: until, writing: undefined, share });
      this.looks.add(name);
    }
    this.#forget();
  }

  /**
   * Remembers a name.
   * @param keptAs `issued`: the operator has issued a token for it; a party: it proves its name by a key; undefined: it
   * is not kept over a restart
   * @returns a promise that resolves when the name is on disk and remembered; of a key it rejects where the name could
   * not be kept; undefined if it is remembered already, or needs no disk
   */
  add(name: string, keptAs: "issued" | Party | undefined): Promise<void> | undefined {
    const party = typeof keptAs === "object" ? keptAs : undefined;
    const until = this.#clock.now() + this.#limits.provedNameMs;
    const known = this.#known.get(name);
    if (keptAs === undefined || this.#table === undefined) {
      this.#remember(name, party, known?.keptUntil ?? 0);
      return undefined;
    }
    if (this.has(name) || party === undefined) {
      const keptUntil = known?.keptUntil ?? 0;
      const remembered = this.#remember(name, party, keptUntil);
      if (until - keptUntil < refreshMs) return undefined;
      return (remembered.writing ??= this.#keep(this.#table, name, remembered, until));
    }
    const row = { until, network: party.network };
    return this.#table.put(name, row).then(() => {
      this.#remember(name, party, until);
    });
  }

  has(name: string): boolean {
    const known = this.#known.get(name);
    return known !== undefined && this.#clock.monotonic() < known.until;
  }

  /** True for a name that is remembered, or may be one that was forgotten before its time, as there were too many. */
  protects(name: string): boolean {
    return this.has(name) || (keyForm.test(name) && this.#forgotten.has(name) && !this.#released.has(name));
  }

  /**
   * Forgets a name before its time.
   * @returns false if it was not remembered
   * @throws Fault unavailable, as a rejection: it is remembered after a restart
   */
  async forget(name: string): Promise<boolean> {
    if (this.#forgotten.has(name)) this.#released.add(name);
    if (!this.#known.has(name)) return false;
    await this.#drop(name);
    return true;
  }

  /** Names remembered now. */
  get size(): number {
    this.#forget();
    return this.#known.size;
  }

  /**
   * The owner of the tables reports a failed write; the name is then remembered until the broker stops, and the next
   * proof tries again.
   */
  async #keep(table: Table<KeptName>, name: string, known: Known, until: number): Promise<void> {
    const network = known.share?.party.network;
    try {
      await table.put(name, network === undefined ? until : { until, network });
      known.keptUntil = until;
    } catch {
      // reported
    } finally {
      known.writing = undefined;
    }
  }

  /** Puts a name behind those that were proved earlier. */
  #remember(name: string, party: Party | undefined, keptUntil: number): Known {
    const before = this.#known.get(name);
    const share = before?.share ?? (party === undefined ? undefined : this.#shares.add(name, party));
    share?.touch();
    if (!this.#known.delete(name)) this.looks.add(name);
    const until = this.#clock.monotonic() + this.#limits.provedNameMs;
    const known = Object.assign(before ?? { writing: undefined }, { until, keptUntil, share });
    this.#known.set(name, known);
    this.#forget();
    return known;
  }

  /** Removes what is too old, which comes first, and what is too much. */
  #forget(): void {
    const now = this.#clock.monotonic();
    for (const [name, { until }] of this.#known) {
      if (now < until) break;
      this.#dropSoon(name);
    }
    while (this.#shares.size > this.#limits.provedNamesMax) {
      const name = this.#shares.excess;
      if (name === undefined) return;
      this.#dropSoon(name);
      this.#forgotten.add(name);
      this.#released.delete(name);
    }
  }

  #dropSoon(name: string): void {
    // A failed write is reported by the owner of the tables; the name is then dropped again after a restart.
    this.#drop(name).catch(() => undefined);
  }

  #drop(name: string): Promise<void> {
    this.#known.get(name)?.share?.end();
    this.#known.delete(name);
    this.looks.delete(name);
    return this.#table?.delete(name) ?? Promise.resolve();
  }
}
