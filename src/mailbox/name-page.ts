import { placeInOrder } from "../core/index.js";

/** Which names are wanted: those behind `after`, so many at most. */
export interface NamePage {
  readonly after?: string | undefined;
  readonly max: number;
}

/**
 * The first names behind a place, in order (by UTF-16 code units), and whether more follow. One look at each name, and
 * no list of all of them is sorted: whoever pages through 50,000 holds up nobody.
 */
export function namePage(names: Iterable<string>, { after, max }: NamePage): readonly [string[], isMore: boolean] {
  const found: string[] = [];
  let isMore = false;
  for (const name of names) {
    if (after !== undefined && name <= after) continue;
    const last = found[max - 1];
    if (last !== undefined) {
      isMore = true;
      if (name > last) continue;
      found.pop();
    }
    found.splice(placeInOrder(found, name), 0, name);
  }
  return [found, isMore];
}
