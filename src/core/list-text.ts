/**
 * A list as JSON text, for lists that many ask for and that change little between two askers: each item is written once
 * as long as it is the same object, the whole list as long as it is the same array.
 */
export class ListText<T extends object> {
  readonly #item: (one: T) => string;
  // bound: items that somebody else keeps · evicts: with the item · owner: ListText
  readonly #items = new WeakMap<T, string>();
  // bound: lists that somebody else keeps · evicts: with the list · owner: ListText
  readonly #lists = new WeakMap<readonly T[], string>();

  /** @param item writes one item as JSON */
  constructor(item: (one: T) => string) {
    this.#item = item;
  }

  /** The list as a JSON array. */
  of(list: readonly T[]): string {
    let text = this.#lists.get(list);
    if (text === undefined) this.#lists.set(list, (text = `[${list.map((one) => this.item(one)).join()}]`));
    return text;
  }

  /** One item as JSON. */
  item(one: T): string {
    let text = this.#items.get(one);
    if (text === undefined) this.#items.set(one, (text = this.#item(one)));
    return text;
  }
}
