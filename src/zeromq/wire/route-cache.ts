import { topicOf, type Route, type Router } from "../../core/index.js";

/** Places of the table, in sets of four: of 10,000 topics, three in a thousand find their set full. */
const placeCount = 65_536;
const waysPerSet = 4;

/**
 * Finds routes by the bytes of their topic. Making a string costs 0.1 µs, its hash as much again, and the router's Map
 * a walk through memory that 10,000 topics keep cold. A route that the router has replaced is marked as no longer live
 * and is looked up anew, so nothing here can be out of date. Topics that are not ASCII and topics without a route are
 * not kept.
 */
export class RouteCache {
  readonly #router: Router;
  readonly #hashes = new Int32Array(placeCount);
  // bound: 65,536 places · evicts: a newer topic takes the place of an older one of its set · owner: RouteCache
  readonly #routes = new Array<Route | undefined>(placeCount).fill(undefined);
  /** Which place of a full set is replaced next. */
  #nextWay = 0;

  constructor(router: Router) {
    this.#router = router;
  }

  /** The route of the topic `chunk[start, end)`, whatever its bytes; undefined if there is none. */
  route(chunk: Buffer, start: number, end: number): Route | undefined {
    let hash = end - start;
    let high = 0;
    for (let at = start; at < end; at += 1) {
      const byte = chunk[at] ?? 0;
      hash = (Math.imul(hash, 31) + byte) | 0;
      high |= byte;
    }
    if (high >= 0x80) return this.#lookUp(chunk, start, end);
    hash = Math.imul(hash, 0x9e3779b1);
    const set = (hash >>> 16) & (placeCount - waysPerSet);
    for (let place = set; place < set + waysPerSet; place += 1) {
      if (this.#hashes[place] !== hash) continue;
      const known = this.#routes[place];
      if (known === undefined || !same(known.topic, chunk, start, end)) continue;
      return known.live ? this.#router.fresh(known) : this.#keep(place, hash, this.#lookUp(chunk, start, end));
    }
    this.#nextWay = (this.#nextWay + 1) % waysPerSet;
    return this.#keep(this.#free(set) ?? set + this.#nextWay, hash, this.#lookUp(chunk, start, end));
  }

  #free(set: number): number | undefined {
    for (let place = set; place < set + waysPerSet; place += 1) if (this.#routes[place]?.live !== true) return place;
    return undefined;
  }

  #keep(place: number, hash: number, route: Route | undefined): Route | undefined {
    if (route !== undefined) {
      this.#hashes[place] = hash;
      this.#routes[place] = route;
    }
    return route;
  }

  #lookUp(chunk: Buffer, start: number, end: number): Route | undefined {
    return this.#router.route(topicOf(chunk, start, end));
  }
}

function same(topic: string, chunk: Buffer, start: number, end: number): boolean {
  if (topic.length !== end - start) return false;
  for (let at = 0; at < topic.length; at += 1) if (topic.charCodeAt(at) !== chunk[start + at]) return false;
  return true;
}
