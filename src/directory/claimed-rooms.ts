import { Ranking } from "../core/index.js";

/**
 * Which rooms count for which agent, where agents prove nothing: each room counts for one agent at most. When the
 * broker has as many rooms as it can, the agent with the most loses one.
 */
export class ClaimedRooms<R> {
  // bound: roomsMax · evicts: a room goes when it counts for nobody any more · owner: ClaimedRooms
  readonly #agentOf = new Map<R, string>();
  // bound: roomsMax · evicts: an agent goes with its last room · owner: ClaimedRooms
  readonly #roomsOf = new Map<string, Set<R>>();
  readonly #byCount = new Ranking<string>();

  /** `room` counts for `agent` from now on; undefined: for nobody. */
  set(room: R, agent: string | undefined): void {
    const before = this.#agentOf.get(room);
    if (before === agent) return;
    if (before !== undefined) this.#remove(room, before);
    if (agent !== undefined) this.#add(room, agent);
  }

  /** How many rooms count for `agent`. */
  count(agent: string): number {
    return this.#byCount.amountOf(agent);
  }

  /** Of the agent with the most rooms, the room that it has had longest; undefined if it has `atMost` or fewer. */
  oldestOfLargest(atMost: number): R | undefined {
    const { first: largest, most } = this.#byCount;
    if (most <= atMost) return undefined;
    const [oldest] = largest === undefined ? [] : (this.#roomsOf.get(largest) ?? []);
    return oldest;
  }

  #add(room: R, agent: string): void {
    const rooms = this.#roomsOf.get(agent) ?? new Set();
    this.#roomsOf.set(agent, rooms.add(room));
    this.#agentOf.set(room, agent);
    this.#byCount.add(agent, 1);
  }

  #remove(room: R, agent: string): void {
    const rooms = this.#roomsOf.get(agent);
    this.#agentOf.delete(room);
    if (rooms?.delete(room) !== true) return;
    if (rooms.size === 0) this.#roomsOf.delete(agent);
    this.#byCount.add(agent, -1);
  }
}
