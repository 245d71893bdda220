import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Fault, type FaultCode } from "../../src/core/index.js";

/** Reads what a dialect's folder of vectors says under a name. */
export const vectorsOf =
  (dialect: string) =>
  (name: string): unknown =>
    JSON.parse(readFileSync(new URL(`../../bridges/${dialect}/vectors/${name}.json`, import.meta.url), "utf8"));

/** A frame that is refused: by which fault, by which code of the dialect, and a word that the refusal names. */
export interface MalformedVector {
  readonly about: string;
  readonly frame: string;
  readonly code: FaultCode;
  readonly wireCode: string;
  readonly names: string;
}

/** Tests that each frame is refused, and what its sender is told. */
export function refusesMalformed<V extends MalformedVector>(
  vectors: readonly V[],
  decode: (frame: string) => unknown,
  tells: (fault: Fault, vector: V) => void,
): void {
  it.each(vectors)("refuses: $about", (vector) => {
    let fault: unknown;
    try {
      decode(vector.frame);
    } catch (thrown) {
      fault = thrown;
    }
    if (!(fault instanceof Fault)) expect.fail("it is read");
    expect(fault).toMatchObject({
      code: vector.code,
      message: expect.stringContaining(vector.names) as string,
    });
    tells(fault, vector);
  });
}
