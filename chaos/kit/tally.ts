/** Who said what to whom, and what of it was heard in which life of the broker: each pair counts from 1 on. */
export class Tally {
  sent = 0;
  heard = 0;
  /** Counts the broker's lives; what is heard belongs to the one that lives then. */
  life = 0;
  // bound: pairs of a test · evicts: nothing · owner: Tally
  readonly #said = new Map<string, number>();
  // bound: pairs × lives of a test · evicts: nothing · owner: Tally
  readonly #heard = new Map<string, number[]>();

  /** The next text of a pair. */
  says(from: string, to: string): string {
    const pair = `${from}>${to}`;
    const number = (this.#said.get(pair) ?? 0) + 1;
    this.#said.set(pair, number);
    this.sent += 1;
    return `${pair} ${String(number)}`;
  }

  /** Notes what somebody heard; what is no text of {@link says} is left out. */
  hears(who: string, text: string): void {
    const [pair, number] = text.split(" ");
    if (pair?.endsWith(`>${who}`) !== true || number === undefined) return;
    const key = `${pair} ${String(this.life)}`;
    const list = this.#heard.get(key) ?? [];
    list.push(Number(number));
    this.#heard.set(key, list);
    this.heard += 1;
  }

  /** True if the last text of every pair was heard. */
  get isComplete(): boolean {
    return [...this.#said].every(([pair, last]) => this.#heard.get(`${pair} ${String(this.life)}`)?.at(-1) === last);
  }

  /** Pairs that in one life heard something twice, out of order, or with a hole after their first one. */
  problems(): readonly string[] {
    return [...this.#heard].flatMap(([pair, numbers]) => {
      const at = numbers.findIndex((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1);
      return at === -1
        ? []
        : [
            `${pair}: ${String(numbers[at - 1])} is followed by ${String(numbers[at])}, ${String(numbers.length)} heard`,
          ];
    });
  }
}
