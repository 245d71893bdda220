import type { Clock, Trust } from "../core/index.js";
import type { AgentEntry, Directory } from "../directory/index.js";
import type { AgentState, SeenAgent } from "./telemetry.js";

/** An agent is shown so long after it has gone, milliseconds. */
const goneMs = 600_000;
/** Agents that are shown though they have gone; beyond it the longest gone one leaves. */
const goneMax = 10_000;
/** Numbers are u32; the highest is left out, it means that something is unknown. */
const numbersEnd = 0xffff_ffff;

/** What {@link ShownAgents} is made of. */
export interface ShownAgentsParts {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly directory: Pick<Directory, "agent" | "agents" | "contacts">;
  readonly isDemo: (agent: string) => boolean;
  readonly stateOf: (agent: string) => AgentState;
  /** The agent has come, or something of it has changed: `isNew`: it was not shown before. */
  readonly registered: (agent: SeenAgent, isNew: boolean) => void;
  /** It is shown no more. */
  readonly removed: (agent: string) => void;
}

interface Shown {
  readonly id: number;
  readonly name: string;
  displayName: string;
  dialect: string;
  trust: Trust;
  hidden: boolean;
  /** Wall clock. */
  since: number;
  /** What the directory said last; undefined: it is offline. */
  entry: AgentEntry | undefined;
  /** Monotonic; since when it is offline. */
  goneAt: number;
}

/**
 * The agents that viewers see: those who are listed, and 10 minutes longer. Each has a number as long as it is shown;
 * a number is not used again before all others were.
 */
export class ShownAgents {
  readonly #parts: ShownAgentsParts;
  // bound: agentsMax and goneMax · evicts: 10 minutes after it has gone, the longest gone one beyond goneMax ·
  // owner: ShownAgents
  readonly #byName = new Map<string, Shown>();
  // bound: as #byName · evicts: with it · owner: ShownAgents
  readonly #numbers = new Set<number>();
  /** Those that have gone, the longest gone first. */
  // bound: goneMax · evicts: the longest gone · owner: ShownAgents
  readonly #gone = new Map<string, Shown>();
  #lastNumber = 0;
  /** The list of the directory that was looked at last. */
  #listed: readonly AgentEntry[] | undefined;

  constructor(parts: ShownAgentsParts) {
    this.#parts = parts;
  }

  /** Shows all who are here. */
  start(): void {
    this.refresh();
  }

  /** Shows nobody any more. Numbers go on behind the last one. */
  stop(): void {
    this.#byName.clear();
    this.#numbers.clear();
    this.#gone.clear();
    this.#listed = undefined;
  }

  /** Agents that are shown, online or not. */
  get size(): number {
    return this.#byName.size;
  }

  get online(): number {
    return this.#byName.size - this.#gone.size;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** True if it is shown and online. */
  isOnline(name: string): boolean {
    return this.#byName.get(name)?.entry !== undefined;
  }

  /** Connections that it has now; 0 while it is offline. */
  connections(name: string): number {
    return this.#byName.get(name)?.entry?.connections ?? 0;
  }

  names(): Iterable<string> {
    return this.#byName.keys();
  }

  seen(name: string): SeenAgent | undefined {
    const shown = this.#byName.get(name);
    return shown && this.#seen(shown);
  }

  *all(): Iterable<SeenAgent> {
    for (const shown of this.#byName.values()) yield this.#seen(shown);
  }

  /** An agent is listed. @returns false if it was here already */
  arrived(entry: AgentEntry): boolean {
    const { name } = entry;
    const known = this.#byName.get(name);
    if (known?.entry !== undefined) {
      this.#update(known, entry);
      return false;
    }
    const shown = known ?? this.#make(entry);
    this.#gone.delete(name);
    this.#set(shown, entry);
    this.#parts.registered(this.#seen(shown), known === undefined);
    return true;
  }

  /** An agent has gone. @returns false if it was not shown as online */
  departed(name: string): boolean {
    const shown = this.#byName.get(name);
    if (shown?.entry === undefined) return false;
    shown.entry = undefined;
    shown.since = this.#parts.clock.now();
    shown.goneAt = this.#parts.clock.monotonic();
    this.#gone.set(name, shown);
    const [longest] = this.#gone.keys();
    if (this.#gone.size > goneMax && longest !== undefined) this.#remove(longest);
    return true;
  }

  /** Looks who has other facts than were told, and forgets who has long gone. Costs next to nothing while nobody has. */
  refresh(): void {
    const { directory, clock } = this.#parts;
    const listed = directory.agents();
    if (listed !== this.#listed) {
      this.#listed = listed;
      for (const entry of listed) if (this.#byName.get(entry.name)?.entry !== entry) this.arrived(entry);
    }
    const now = clock.monotonic();
    for (const [name, { goneAt }] of this.#gone) {
      if (now - goneAt < goneMs) break;
      this.#remove(name);
    }
  }

  #make({ name, displayName, dialect, trust, since }: AgentEntry): Shown {
    const id = this.#nextNumber();
    const shown = { id, name, displayName, dialect, trust, hidden: false, since, entry: undefined, goneAt: 0 };
    this.#byName.set(name, shown);
    this.#numbers.add(id);
    return shown;
  }

  #nextNumber(): number {
    do this.#lastNumber = (this.#lastNumber % (numbersEnd - 1)) + 1;
    while (this.#numbers.has(this.#lastNumber));
    return this.#lastNumber;
  }

  /** It is told anew only if something of it is another. */
  #update(shown: Shown, entry: AgentEntry): void {
    const { displayName, dialect, trust, hidden, since } = shown;
    this.#set(shown, entry);
    const isSame =
      displayName === shown.displayName &&
      dialect === shown.dialect &&
      trust === shown.trust &&
      hidden === shown.hidden &&
      since === shown.since;
    if (!isSame) this.#parts.registered(this.#seen(shown), false);
  }

  #set(shown: Shown, entry: AgentEntry): void {
    shown.entry = entry;
    shown.displayName = entry.displayName;
    shown.dialect = entry.dialect;
    shown.trust = entry.trust;
    shown.since = entry.since;
    shown.hidden = this.#parts.directory.contacts.isListedName(entry.name);
  }

  #remove(name: string): void {
    const shown = this.#byName.get(name);
    if (shown === undefined) return;
    this.#gone.delete(name);
    this.#byName.delete(name);
    this.#numbers.delete(shown.id);
    this.#parts.removed(name);
  }

  #seen({ id, name, displayName, dialect, trust, hidden, since, entry }: Shown): SeenAgent {
    const state = entry === undefined ? "OFFLINE" : this.#parts.stateOf(name);
    return { id, name, displayName, dialect, trust, hidden, demo: this.#parts.isDemo(name), state, since };
  }
}
