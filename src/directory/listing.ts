import { placeInOrder } from "../core/index.js";
import type { Beginning } from "./directory.js";

/** What a listing is made of. */
interface Named {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** Beyond a share of so much of all names what has changed is no longer told apart. */
const changedShare = 1 / 8;
const changedMin = 100;

/**
 * Names in order. They are put in order when somebody asks, at most once for each change: 40,000 take 15 ms the first
 * time, and 6 ms when a few of them have come or gone, which are put in their places among the others.
 */
export class Listing {
  #names: readonly string[] = [];
  /** Names that have come, gone, or may now be listed; undefined: any. */
  // bound: an eighth of the names, 100 at least · evicts: all, when somebody asks, or there are more · owner: Listing
  #changed: Set<string> | undefined;
  #state: "unknown" | "changed" | "valid" = "unknown";

  /** Must be called when a name has come, has gone, or may now be listed. */
  changed(name: string): void {
    if (this.#state === "unknown") return;
    this.#state = "changed";
    const changed = (this.#changed ??= new Set());
    changed.add(name);
    if (changed.size <= Math.max(changedMin, this.#names.length * changedShare)) return;
    this.#changed = undefined;
    this.#state = "unknown";
  }

  /** Those of `all` that may be listed; the same array until something has changed. */
  of(all: Named, isListed: (name: string) => boolean): readonly string[] {
    if (this.#state === "valid") return this.#names;
    const may = (name: string): boolean => all.has(name) && isListed(name);
    if (this.#state === "unknown") this.#names = [...all.keys()].filter(isListed).sort();
    else {
      const changed = this.#changed ?? new Set();
      const unchanged = this.#names.filter((name) => !changed.has(name) && may(name));
      this.#names = merged(unchanged, [...changed].filter(may).sort());
    }
    this.#changed = undefined;
    this.#state = "valid";
    return this.#names;
  }
}

/** Both in one order; each is in order, and `some` are few. */
function merged(most: readonly string[], some: readonly string[]): readonly string[] {
  const all: string[] = [];
  let from = 0;
  for (const name of some) {
    const at = placeInOrder(most, name, from);
    for (; from < at; from += 1) all.push(most[from] ?? "");
    all.push(name);
  }
  for (; from < most.length; from += 1) all.push(most[from] ?? "");
  return all;
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
