/**
 * Which rooms count for which agent, where agents prove nothing: each room counts for one agent at most. When the
 * broker has as many rooms as it can, the agent with the most loses one.
 */
export class ClaimedRooms<R> {
  // bound: roomsMax · evicts: a room goes when it counts for nobody any more · owner: ClaimedRooms
  readonly #agentOf = new Map<R, string>();
  // bound: roomsMax · evicts: an agent goes with its last room · owner: ClaimedRooms
  readonly #roomsOf = new Map<string, Set<R>>();
  /** Agents by how many rooms they have. */
  // bound: roomsMax · evicts: a number goes with the last agent that has so many rooms · owner: ClaimedRooms
  readonly #byCount = new Map<number, Set<string>>();
  /**
   * The largest number of rooms that one agent has. It rises by one with each room, so the search for the next lower
   * one costs no more steps than rooms were added.
   */
  #most = 0;

  /** `room` counts for `agent` from now on; undefined: for nobody. */
  set(room: R, agent: string | undefined): void {
    const before = this.#agentOf.get(room);
    if (before === agent) return;
    if (before !== undefined) this.#remove(room, before);
    if (agent !== undefined) this.#add(room, agent);
  }

  /** How many rooms count for `agent`. */
  count(agent: string): number {
    return this.#roomsOf.get(agent)?.size ?? 0;
  }

  /** Of the agent with the most rooms, the room that it has had longest; undefined if it has `atMost` or fewer. */
  oldestOfLargest(atMost: number): R | undefined {
    if (this.#most <= atMost) return undefined;
    const [largest] = this.#byCount.get(this.#most) ?? [];
    const [oldest] = largest === undefined ? [] : (this.#roomsOf.get(largest) ?? []);
    return oldest;
  }

  #add(room: R, agent: string): void {
    const rooms = this.#roomsOf.get(agent) ?? new Set();
    this.#roomsOf.set(agent, rooms.add(room));
    this.#agentOf.set(room, agent);
    this.#recount(agent, rooms.size - 1, rooms.size);
  }

  #remove(room: R, agent: string): void {
    const rooms = this.#roomsOf.get(agent);
    this.#agentOf.delete(room);
    if (rooms?.delete(room) !== true) return;
    if (rooms.size === 0) this.#roomsOf.delete(agent);
    this.#recount(agent, rooms.size + 1, rooms.size);
  }

  #recount(agent: string, from: number, to: number): void {
    const former = this.#byCount.get(from);
    former?.delete(agent);
    if (former?.size === 0) this.#byCount.delete(from);
    if (to > 0) this.#byCount.set(to, (this.#byCount.get(to) ?? new Set()).add(agent));
    this.#most = Math.max(this.#most, to);
    while (this.#most > 0 && !this.#byCount.has(this.#most)) this.#most -= 1;
  }
}
