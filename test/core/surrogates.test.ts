import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJson, repairSurrogates } from "../../src/core/index.js";

/** Texts that hold halves of characters, whole ones, backslashes and the letters of escapes. */
const anyText = fc.string({
  unit: fc.constantFrom("\ud83d", "\ude00", "\ud83d\ude00", "\\", "u", "d83d", '"', "\n", "a", "é"),
  maxLength: 12,
});

describe("halves of characters in JSON", () => {
  it.each([
    ['"\\ud83d"', '"\ufffd"'],
    ['"\\uDE00x"', '"\ufffdx"'],
    ['"\\ud83d\\ud83d\\ude00"', '"\ufffd\\ud83d\\ude00"'],
    ['"\\ude00\\ud83d"', '"\ufffd\ufffd"'],
    ['"\\\\ud83d"', '"\\\\ud83d"'],
    ['"\\\\\\ud83d"', '"\\\\\ufffd"'],
    ['{"\\ud83d":1}', '{"\ufffd":1}'],
    ['"\\ud83d\\u0041"', '"\ufffd\\u0041"'],
    ['"\\ud83d\\\\ude00"', '"\ufffd\\\\ude00"'],
    ['"\\ud83d\\ude0"', '"\ufffd\\ude0"'],
    ['"\\ud7ff\\ue000\\ud8g0"', '"\\ud7ff\\ue000\\ud8g0"'],
    ['"\\ud83d', '"\ufffd'],
  ])("are repaired, and nothing else is: %s", (text, expected) => {
    expect(repairSurrogates(text)).toBe(expected);
  });

  it("are repaired in a text that consists of them, in less than the time that its turn has", () => {
    for (const one of ["\\ud83d", "\\\\", "\\ude00\\\\", "\\u00e9"]) {
      const text = `"${one.repeat(Math.floor(1_000_000 / one.length))}\\ud83d"`;
      const before = process.cpuUsage();
      repairSurrogates(text);
      expect(process.cpuUsage(before).user / 1_000).toBeLessThan(100);
    }
  });

  it("are the same string where there are none", () => {
    for (const text of ["{}", '"\\n"', '"😀"', '"\\ud83d\\ude00"', '"\\\\ud83d"'])
      expect(repairSurrogates(text)).toBe(text);
  });

  it("become what toWellFormed makes of each text, in keys and values alike", () => {
    fc.assert(
      fc.property(anyText, anyText, (key, value) => {
        const reading = readJson(JSON.stringify({ [`k${key}`]: [value] }), 8);
        expect(reading).toEqual({ value: { [wellFormed(`k${key}`)]: [wellFormed(value)] } });
      }),
    );
  });

  it("cannot make two keys of one: then the key stands twice", () => {
    expect(readJson('{"\\ud83d":1,"\\ud83e":2}', 8)).toMatchObject({
      problem: expect.stringContaining("twice") as string,
    });
  });
});

/** `String.prototype.toWellFormed`, which the language level of this project does not know. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
