import type { Dice } from "./dice.js";

/** One decoder under fire. */
export interface Decoder {
  readonly name: string;
  /**
   * Makes one input and gives it to the decoder. @returns true if it was accepted
   * @throws whatever the decoder must not throw, or a broken promise, with the input in its message
   */
  readonly once: (dice: Dice) => boolean;
}

/** What came of a run. */
export interface Volley {
  readonly inputs: number;
  readonly accepted: number;
  /** The slowest input, milliseconds: on a busy machine another process may have caused it. */
  readonly slowestMs: number;
}

/** Fires `inputs` times at a decoder. @throws Error naming seed, decoder and number of the input */
export function fire({ name, once }: Decoder, dice: Dice, inputs: number): Volley {
  let accepted = 0;
  let slowestMs = 0;
  let before = performance.now();
  for (let at = 0; at < inputs; at += 1) {
    try {
      if (once(dice)) accepted += 1;
    } catch (thrown) {
      throw new Error(
        `${name}, input ${String(at)}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
        { cause: thrown },
      );
    }
    const now = performance.now();
    slowestMs = Math.max(slowestMs, now - before);
    before = now;
  }
  return { inputs, accepted, slowestMs };
}

/** A promise of the decoder, with what it was given. @throws Error */
export function must(holds: boolean, promise: string, input: unknown): void {
  if (!holds) throw new Error(`${promise}: ${JSON.stringify(input)}`);
}
