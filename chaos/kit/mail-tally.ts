/** A message somebody heard: of which pair, the how many-th, on which of its connections. */
interface Heard {
  readonly pair: string;
  readonly number: number;
  readonly line: number;
}

/**
 * Who said what to whose mailbox, what the senders were told of it, and what the owners heard: each pair counts from 1
 * on. A text is `FROM.TO.NUMBER`, and its message has it as its id.
 */
export class MailTally {
  heard = 0;
  repeats = 0;
  /** Messages of which their senders were told that they are stored, or more. */
  // bound: messages of a test · evicts: nothing · owner: MailTally
  readonly stored = new Set<string>();
  /** Messages of which their senders were told that they are not. */
  // bound: messages of a test · evicts: nothing · owner: MailTally
  readonly refused = new Set<string>();
  /** What was told of them last. */
  // bound: messages of a test · evicts: nothing · owner: MailTally
  readonly states = new Map<string, string>();
  // bound: pairs of a test · evicts: nothing · owner: MailTally
  readonly #said = new Map<string, number>();
  // bound: owners of a test · evicts: nothing · owner: MailTally
  readonly #heard = new Map<string, Heard[]>();
  // bound: messages of a test · evicts: nothing · owner: MailTally
  readonly #known = new Set<string>();

  /** The next text of a pair. */
  says(from: string, to: string): string {
    const pair = `${from}.${to}`;
    const number = (this.#said.get(pair) ?? 0) + 1;
    this.#said.set(pair, number);
    return `${pair}.${String(number)}`;
  }

  get said(): number {
    return [...this.#said.values()].reduce((sum, one) => sum + one, 0);
  }

  /** A receipt: `stored`, or how it was settled. */
  told(ids: readonly unknown[], state: string): void {
    for (const id of ids) {
      this.stored.add(String(id));
      this.states.set(String(id), state);
    }
  }

  /** Notes what an owner heard on its connection `line`; what is no text of these is left out. */
  hears(owner: string, text: string, line: number): void {
    const [from, to, number] = text.split(".");
    if (to !== owner || from === undefined || number === undefined) return;
    const list = this.#heard.get(owner) ?? [];
    this.#heard.set(owner, list);
    list.push({ pair: `${from}.${to}`, number: Number(number), line });
    this.heard += 1;
    if (this.#known.has(text)) this.repeats += 1;
    this.#known.add(text);
  }

  /** How many messages an owner has heard, repeats among them. */
  of(owner: string): number {
    return this.#heard.get(owner)?.length ?? 0;
  }

  /** True if its owner has heard it. */
  has(text: string): boolean {
    return this.#known.has(text);
  }

  /** Messages to `owner`, or to anybody, that were told to be stored and that nobody heard. */
  lost(owner?: string): readonly string[] {
    return [...this.stored].filter(
      (text) => !this.#known.has(text) && (owner === undefined || text.split(".")[1] === owner),
    );
  }

  /** Messages of a sender that keeps what it says until it has a receipt, and that nobody heard. */
  missing(from: string): readonly string[] {
    return [...this.#said].flatMap(([pair, last]) =>
      pair.startsWith(`${from}.`)
        ? Array.from({ length: last }, (_, at) => `${pair}.${String(at + 1)}`).filter(
            (text) => !this.#known.has(text) && !this.refused.has(text),
          )
        : [],
    );
  }

  /**
   * What an owner heard out of order: on one connection (each is given once, and each pair's numbers grow), or over all
   * of them once repeats are taken out. `runs`: how often what came on one `line` may begin anew, where the library
   * hides how many connections it has made.
   */
  problems(owner: string, runs = 1): readonly string[] {
    const problems: string[] = [];
    const first = new Map<string, number>();
    const seen = new Set<string>();
    const lines = new Map<number, { runs: number; last: Map<string, number> }>();
    for (const { pair, number, line } of this.#heard.get(owner) ?? []) {
      const of = lines.get(line) ?? { runs: 1, last: new Map<string, number>() };
      lines.set(line, of);
      const before = of.last.get(pair) ?? 0;
      if (number <= before) {
        of.runs += 1;
        of.last.clear();
        if (of.runs > runs)
          problems.push(`line ${String(line)} of ${owner}: ${pair} ${String(number)} after ${String(before)}`);
      }
      of.last.set(pair, number);
      const text = `${pair}.${String(number)}`;
      if (seen.has(text)) continue;
      seen.add(text);
      if (number < (first.get(pair) ?? 0)) problems.push(`${text} came first after ${String(first.get(pair))}`);
      first.set(pair, number);
    }
    return problems;
  }
}
