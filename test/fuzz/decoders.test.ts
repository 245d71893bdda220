import { describe, expect, it } from "vitest";
import { byteDecoders } from "./byte-decoders.js";
import { fire } from "./decoder.js";
import { Dice } from "./dice.js";
import { networkDecoders } from "./network-decoders.js";
import { textDecoders } from "./text-decoders.js";

/** `npm run chaos` fires more, by another seed each time. */
const inputs = 4_000;

describe("every decoder, under damaged input", () => {
  it.each([...byteDecoders, ...networkDecoders, ...textDecoders])("$name keeps its promises", (decoder) => {
    const { accepted } = fire(decoder, new Dice(20_261_121), inputs);
    expect(accepted, "some inputs are whole").toBeGreaterThan(inputs / 100);
    expect(accepted, "some are not").toBeLessThan(inputs);
  });
});
