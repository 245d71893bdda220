import type { Beginning } from "./directory.js";

/** What a listing is made of. */
interface Named {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/**
 * Names in order. They are put in order when somebody asks, at most once for each change, and beginning with the order
 * of last time: sorting 30,000 names anew takes 40 ms, a few more among them 2 ms.
 */
export class Listing {
  #names: readonly string[] = [];
  #isValid = false;

  /** Must be called when a name has come, has gone, or may now be listed. */
  changed(): void {
    this.#isValid = false;
  }

  /** Those of `all` that may be listed; the same array until something has changed. */
  of(all: Named, isListed: (name: string) => boolean): readonly string[] {
    if (this.#isValid) return this.#names;
    const names = this.#names.filter((name) => all.has(name) && isListed(name));
    const known = new Set(names);
    for (const name of all.keys()) if (!known.has(name) && isListed(name)) names.push(name);
    this.#isValid = true;
    return (this.#names = names.sort());
  }
}

/** So many times as many as wanted are looked at. */
const looksPerWanted = 10;

/**
 * The first of `all` that may be shown, by name, without putting all in order: at most `most`, and none of those that
 * come behind many that may not be shown.
 */
export function beginning<One, Entry extends { readonly name: string }>(
  all: Iterable<One>,
  most: number,
  entryOf: (one: One) => Entry | undefined,
): Beginning<Entry> {
  const items: Entry[] = [];
  let looks = most * looksPerWanted;
  let isAll = true;
  for (const one of all) {
    const entry = looks > 0 ? entryOf(one) : undefined;
    looks -= 1;
    if (looks < 0 || (entry !== undefined && items.length >= most)) {
      isAll = false;
      break;
    }
    if (entry !== undefined) items.push(entry);
  }
  return { items: items.sort((one, other) => (one.name < other.name ? -1 : 1)), isAll };
}
