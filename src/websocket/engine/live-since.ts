/**
 * Durable rooms that one session was in from the moment at which it logged in (protocols §10.3), and the place of each
 * from which it has heard everything as it was said. What it asks for of the past ends there: nothing is told twice.
 */
export class LiveSince {
  // bound: rooms of the session (roomsPerAgentMax) · evicts: a room when its past was told, or it is left · owner:
  // LiveSince
  readonly #places = new Map<string, number>();

  /** The session hears the room from now on; `place`: of the last message before. */
  begin(room: string, place: number): void {
    this.#places.set(room, place);
  }

  /** Where the past of a room ends for this session; undefined: at its present. */
  placeOf(room: string): number | undefined {
    return this.#places.get(room);
  }

  /** The session has not heard everything of the room, or has been told its past. */
  end(room: string): void {
    this.#places.delete(room);
  }
}
