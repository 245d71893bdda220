import { everyone, type Clock } from "../core/index.js";
import { ForceLayout, slicePoints } from "./layout/force-layout.js";
import { Links } from "./layout/links.js";
import { within } from "./layout/spots.js";
import type { CountedSender, Overheard, OverheardListener } from "./overhearing.js";
import type { PositionFrame, SeenAgent } from "./telemetry.js";

/** Where an agent says that it is, and how fast it moves, in units a second. */
export interface ReportedPosition {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly vx?: number | undefined;
  readonly vy?: number | undefined;
  readonly vz?: number | undefined;
}

/** What positions know of the broker. */
export interface PositionsParts {
  readonly clock: Pick<Clock, "monotonic">;
  /** The agent of that name as it is now. */
  readonly agent: (name: string) => SeenAgent | undefined;
}

/** The layout follows what is said this often, milliseconds. */
const followMs = 1_000;
/** Rooms and data topics that draw those together who speak there. */
const roomsMax = 1_000;
/** Who moves less is told only when it has moved as much in all. */
const leastMove = 0.05;
/** Values of one agent: x, y, z, vx, vy, vz. */
const width = 6;
/** The same everywhere, so that the same agents come in the same places. */
const seed = 20_240_110;

interface Shown {
  readonly name: string;
  readonly slot: number;
  /** Its place in the frame. */
  index: number;
  /** Its own words; they win. */
  report: ReportedPosition | undefined;
  /** Its values are not those that were told last. */
  isNew: boolean;
}

/**
 * Where agents are shown: where they say that they are, else where a force layout of who talks to whom puts them.
 * Rooms draw those together who speak there. What `inspect` alone may know of moves nobody.
 */
export class Positions implements OverheardListener {
  readonly #parts: PositionsParts;
  readonly #layout = new ForceLayout(seed);
  readonly #links = new Links();
  // bound: agents that are shown: those online, and 10 minutes longer · evicts: remove() · owner: Positions
  readonly #agents = new Map<string, Shown>();
  readonly #order: Shown[] = [];
  // bound: 1,000 (roomsMax) · evicts: with the last link to it · owner: Positions
  readonly #rooms = new Map<string, number>();
  /** Slots that were left since the layout heard of links. */
  // bound: agents and rooms of a second · evicts: each second · owner: Positions
  readonly #gone = new Set<number>();
  #ids = new Uint32Array(64);
  #values = new Float32Array(64 * width);
  #followedAt = -Infinity;
  #steppedAt = -Infinity;
  #hasNews = false;

  constructor(parts: PositionsParts) {
    this.#parts = parts;
  }

  /** The agent is shown from now on. */
  add({ name, id }: Pick<SeenAgent, "name" | "id">): void {
    if (this.#agents.has(name)) return;
    const index = this.#order.length;
    const shown: Shown = { name, slot: this.#layout.add(), index, report: undefined, isNew: true };
    if ((index + 1) * width > this.#values.length) this.#grow();
    this.#agents.set(name, shown);
    this.#order.push(shown);
    this.#ids[index] = id;
    this.#write(shown, 0);
    this.#hasNews = true;
  }

  /** It is shown no more. */
  remove(name: string): void {
    const shown = this.#agents.get(name);
    if (shown === undefined) return;
    const last = this.#order.pop() ?? shown;
    this.#agents.delete(name);
    this.#layout.remove(shown.slot);
    this.#gone.add(shown.slot);
    if (last === shown) return;
    const { index } = shown;
    this.#order[index] = last;
    this.#ids[index] = this.#ids[last.index] ?? 0;
    this.#values.copyWithin(index * width, last.index * width, (last.index + 1) * width);
    last.index = index;
  }

  /** The agent says where it is; that wins as long as it is shown. What is no number is 0. */
  report(name: string, report: ReportedPosition): void {
    const shown = this.#agents.get(name);
    if (shown === undefined) return;
    if (shown.report !== undefined && isSame(shown.report, report)) return;
    shown.report = report;
    shown.isNew = true;
    this.#hasNews = true;
    this.#layout.pin(shown.slot, report.x, report.y, report.z);
  }

  heard(message: Overheard): void {
    this.#link(message, message.to, 1);
  }

  counted(to: string, count: number, _bytes: number, sender?: CountedSender): void {
    if (sender !== undefined) this.#link(sender, to, count);
  }

  #link({ from, hidden, shared }: CountedSender, to: string, count: number): void {
    if (hidden || to === everyone) return;
    const one = this.#agents.get(from)?.slot;
    if (one === undefined) return;
    const other = shared ? this.#room(to) : this.#agents.get(to)?.slot;
    if (other !== undefined) this.#links.said(one, other, count);
  }

  /** Advances the layout by a step. @returns undefined while nothing moves */
  step(): PositionFrame | undefined {
    const now = this.#parts.clock.monotonic();
    if (now - this.#followedAt >= followMs || this.#gone.size > 0) this.#follow(now);
    if (this.#layout.rests && !this.#hasNews) return undefined;
    this.#layout.step();
    this.#hasNews = false;
    const seconds = Math.min(Math.max((now - this.#steppedAt) / 1_000, 0.01), 1);
    this.#steppedAt = now;
    const ticks = Math.min(1, slicePoints / Math.max(this.#layout.spots.count, 1)) / seconds;
    const moved: number[] = [];
    for (const shown of this.#order) {
      if (!this.#hasMoved(shown)) continue;
      this.#write(shown, ticks);
      shown.isNew = false;
      moved.push(shown.index);
    }
    return moved.length === 0 ? undefined : this.#frame(moved);
  }

  /** Where all are that were told last. */
  all(): PositionFrame {
    return this.#frame([]);
  }

  #frame(moved: readonly number[]): PositionFrame {
    return {
      count: this.#order.length,
      ids: this.#ids,
      values: this.#values,
      moved,
      agentAt: (index) => {
        const name = this.#order[index]?.name;
        return name === undefined ? undefined : this.#parts.agent(name);
      },
    };
  }

  /** The slot of a room; undefined if there are too many. */
  #room(topic: string): number | undefined {
    const known = this.#rooms.get(topic);
    if (known !== undefined || this.#rooms.size >= roomsMax) return known;
    const slot = this.#layout.add("ghost");
    this.#rooms.set(topic, slot);
    return slot;
  }

  /** Has the layout follow what was said. */
  #follow(now: number): void {
    this.#followedAt = now;
    this.#links.purge(this.#gone);
    this.#gone.clear();
    const springs = this.#links.springs(now, (slot, heat) => {
      this.#layout.warm(slot, heat);
    });
    this.#forgetRooms(springs.other.subarray(0, springs.count), springs.one.subarray(0, springs.count));
    this.#layout.setSprings(springs);
  }

  /** Rooms in which nobody has spoken of late. */
  #forgetRooms(...linked: readonly Int32Array[]): void {
    if (this.#rooms.size === 0) return;
    const used = new Set(linked.flatMap((slots) => [...slots]));
    for (const [topic, slot] of this.#rooms) {
      if (used.has(slot)) continue;
      this.#rooms.delete(topic);
      this.#layout.remove(slot);
    }
  }

  /** True if it is elsewhere than was told last, or stands still since then. */
  #hasMoved({ slot, index, isNew, report }: Shown): boolean {
    if (isNew) return true;
    const { x, y, z, vx, vy, vz } = this.#layout.spots;
    const values = this.#values;
    const at = index * width;
    if (Math.abs(Math.fround(x[slot] ?? 0) - (values[at] ?? 0)) >= leastMove) return true;
    if (Math.abs(Math.fround(y[slot] ?? 0) - (values[at + 1] ?? 0)) >= leastMove) return true;
    if (Math.abs(Math.fround(z[slot] ?? 0) - (values[at + 2] ?? 0)) >= leastMove) return true;
    if (report !== undefined || vx[slot] !== 0 || vy[slot] !== 0 || vz[slot] !== 0) return false;
    return values[at + 3] !== 0 || values[at + 4] !== 0 || values[at + 5] !== 0;
  }

  /** Writes where it is and how fast it moves. `ticks`: of the layout, a second. */
  #write({ slot, index, report }: Shown, ticks: number): void {
    const { x, y, z, vx, vy, vz } = this.#layout.spots;
    const values = this.#values;
    const at = index * width;
    values[at] = x[slot] ?? 0;
    values[at + 1] = y[slot] ?? 0;
    values[at + 2] = z[slot] ?? 0;
    values[at + 3] = report === undefined ? (vx[slot] ?? 0) * ticks : within(report.vx ?? 0);
    values[at + 4] = report === undefined ? (vy[slot] ?? 0) * ticks : within(report.vy ?? 0);
    values[at + 5] = report === undefined ? (vz[slot] ?? 0) * ticks : within(report.vz ?? 0);
  }

  #grow(): void {
    const [ids, values] = [this.#ids, this.#values];
    this.#ids = new Uint32Array(ids.length * 2);
    this.#ids.set(ids);
    this.#values = new Float32Array(values.length * 2);
    this.#values.set(values);
  }
}

function isSame(one: ReportedPosition, other: ReportedPosition): boolean {
  const { x, y, z, vx, vy, vz } = one;
  return x === other.x && y === other.y && z === other.z && vx === other.vx && vy === other.vy && vz === other.vz;
}
