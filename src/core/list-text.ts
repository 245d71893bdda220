/** So many items are written at a time: about 2 ms. */
const pieceItems = 2_000;

/** The beginning of a list, as far as it is written. */
interface Beginning {
  at: number;
  readonly pieces: string[];
}

/**
 * A list as text, for lists that many ask for and that change little between two askers: each item is written once as
 * long as it is the same object, the whole list as long as it is the same array.
 */
export class ListText<T extends object> {
  readonly #item: (one: T) => string;
  readonly #separator: string;
  // bound: items that somebody else keeps · evicts: with the item · owner: ListText
  readonly #items = new WeakMap<T, string>();
  // bound: lists that somebody else keeps · evicts: with the list · owner: ListText
  readonly #lists = new WeakMap<readonly T[], string>();
  // bound: lists that somebody else keeps · evicts: with the list, or when it is written · owner: ListText
  readonly #begun = new WeakMap<readonly T[], Beginning>();

  /** @param item writes one item */
  constructor(item: (one: T) => string, separator = ",") {
    this.#item = item;
    this.#separator = separator;
  }

  /** Writes some more of a list. @returns true when nothing is left: then `joined` and `of` have it ready */
  advance(list: readonly T[]): boolean {
    if (this.#lists.has(list)) return true;
    let begun = this.#begun.get(list);
    if (begun === undefined) this.#begun.set(list, (begun = { at: 0, pieces: [] }));
    const piece = list.slice(begun.at, begun.at + pieceItems);
    if (piece.length > 0) begun.pieces.push(piece.map((one) => this.item(one)).join(this.#separator));
    begun.at += piece.length;
    if (begun.at < list.length) return false;
    this.#begun.delete(list);
    this.#lists.set(list, begun.pieces.join(this.#separator));
    return true;
  }

  /** The items with their separators. */
  joined(list: readonly T[]): string {
    while (!this.advance(list));
    return this.#lists.get(list) ?? "";
  }

  /** The list as a JSON array, if its items are JSON. */
  of(list: readonly T[]): string {
    return `[${this.joined(list)}]`;
  }

  /** One item. */
  item(one: T): string {
    let text = this.#items.get(one);
    if (text === undefined) this.#items.set(one, (text = this.#item(one)));
    return text;
  }
}

/** A list on its way to one who asked: it gets the list as it is when the last of it is written. */
export class ListWriting<T extends object> {
  readonly #current: () => readonly T[];
  readonly #texts: readonly ListText<T>[];
  #list: readonly T[] | undefined;
  #isSecond = false;

  /** @param texts are written of the list */
  constructor(current: () => readonly T[], ...texts: readonly ListText<T>[]) {
    this.#current = current;
    this.#texts = texts;
  }

  /** Writes some more. @returns the list when all of it is written; undefined before */
  advance(): readonly T[] | undefined {
    const list = (this.#list ??= this.#current());
    if (!this.#texts.every((text) => text.advance(list))) return undefined;
    const now = this.#current();
    if (now === list) return now;
    // It has changed meanwhile: what is told of a change goes before the list, so the list must have it. Nearly all
    // items are written already, so the third time takes 20 ms for 30,000.
    this.#list = now;
    if (!this.#isSecond) {
      this.#isSecond = true;
      return undefined;
    }
    for (const text of this.#texts) text.joined(now);
    return now;
  }
}
