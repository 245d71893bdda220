import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { textOf, u32be, utf8 } from "../../../../clients/typescript/agent-network/crypto/bytes.js";
import {
  canonical,
  canonicalBytes,
  NotCanonical,
} from "../../../../clients/typescript/agent-network/crypto/canonical-json.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { toHex } from "./hex.js";

beforeAll(ready);

describe("canonical JSON", () => {
  it("is the same after it was read and written again", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary", depthSize: "small" }), (value) => {
        const text = canonical(value);
        expect(canonical(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("is the same in whatever order the keys were set", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.integer()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonical(reversed)).toBe(canonical(value));
      }),
    );
  });

  it("is written of every double as ECMAScript writes it", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(canonical(value)).toBe(JSON.stringify(value));
        expect(Number(canonical(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  it("goes into bytes as UTF-8", () => {
    expect(toHex(canonicalBytes({ é: "😀" }))).toBe("7b22c3a9223a22f09f9880227d");
  });

  it.each<[about: string, value: unknown, names: string]>([
    ["NaN", { a: Number.NaN }, "a is NaN"],
    ["an infinity", [1, Number.NEGATIVE_INFINITY], "[1] is -Infinity"],
    ["nothing", undefined, "the value is undefined"],
    ["a field of nothing", { a: { b: undefined } }, "a.b is undefined"],
    ["a hole in a list", { a: Array(1) }, "a[0] is undefined"],
    ["a large integer", { a: 1n }, "a is bigint"],
    ["a function", { a: () => 1 }, "a is function"],
    ["a symbol", { a: Symbol("x") }, "a is symbol"],
    ["a date", { at: new Date(0) }, "at is an object of a class"],
    ["a map", { at: new Map([["a", 1]]) }, "at is an object of a class"],
    ["bytes", { at: new Uint8Array(2) }, "at is an object of a class"],
    ["a number in a box", { at: Object(1) as unknown }, "at is an object of a class"],
    ["half a character", { a: ["\ud83d"] }, "a[0] holds half a character"],
    ["half a character in a key", { "a\udc00": 1 }, "holds half a character"],
    ["65 levels", nested(65), "nests more than 64 levels deep"],
    ["a circle", circle(), "nests more than 64 levels deep"],
  ])("is refused, with its place: %s", (_about, value, names) => {
    expect(() => canonical(value)).toThrow(NotCanonical);
    expect(() => canonical(value)).toThrow(names);
  });

  it("is refused with a message that is short and well-formed, whatever the keys are", () => {
    const long = { ["k".repeat(50_000)]: { ["😀".repeat(60)]: Number.NaN } };
    const cut = { [`${"k".repeat(99)}😀`]: Number.NaN };
    for (const value of [long, cut, { "\ud83d\ud83d": Number.NaN }, { "\u001b[2J\n": Number.NaN }]) {
      try {
        canonical(value);
      } catch (error) {
        expect(String(error).length).toBeLessThan(800);
        expect(String(error)).not.toMatch(/[\p{Cs}\p{Cc}]/u);
        continue;
      }
      expect.fail("it is taken");
    }
  });

  it("has 64 levels, and refuses 100,000 without running out of stack", () => {
    expect(canonical(nested(64))).toBe(`${"[".repeat(64)}${"]".repeat(64)}`);
    const deep: unknown = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    expect(() => canonical(deep)).toThrow(NotCanonical);
  });

  it("takes objects without a prototype, and those of another realm, as a frame of a page has them", () => {
    const bare = Object.assign(Object.create(null) as object, { b: 1, a: [{}] });
    expect(canonical(bare)).toBe('{"a":[{}],"b":1}');
    expect(canonical(runInNewContext("({ b: 1, a: [{}] })"))).toBe('{"a":[{}],"b":1}');
  });

  it("neither calls toJSON nor looks at what a prototype brings", () => {
    expect(() => canonical({ toJSON: () => 1 })).toThrow("toJSON is function");
    const inherits = Object.create({ inherited: 1 }) as object;
    expect(() => canonical(inherits)).toThrow("is an object of a class");
    const hidden = Object.defineProperty({ a: 1 }, "b", { value: 2, enumerable: false });
    expect(canonical({ ...hidden, [Symbol("c")]: 3 })).toBe('{"a":1}');
  });
});

describe("base64", () => {
  it("gives back any bytes, in the one text that Node has for them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64"));
        expect(toHex(fromBase64(text) ?? expect.fail("it is none"))).toBe(toHex(bytes));
      }),
    );
  });

  it("takes no second text for the same bytes", () => {
    const near = fc.string({
      unit: fc.constantFrom("A", "Q", "g", "w", "z", "9", "+", "/", "=", "-", "_", " ", "\n"),
      maxLength: 12,
    });
    fc.assert(
      fc.property(near, (text) => {
        const bytes = fromBase64(text);
        if (bytes !== undefined) expect(toBase64(bytes)).toBe(text);
      }),
      { numRuns: 5_000 },
    );
  });

  it("refuses a megabyte of no base64, and reads one of it", () => {
    expect(fromBase64("A".repeat(1 << 20))?.length).toBe((3 << 20) / 4);
    expect(fromBase64(`${"A".repeat(1 << 20)}====`)).toBeUndefined();
    expect(fromBase64("=".repeat(1 << 20))).toBeUndefined();
    expect(fromBase64(`${"A".repeat((1 << 20) - 1)}é`)).toBeUndefined();
  });
});

describe("bytes", () => {
  it("are read as UTF-8 or not at all, and a bad text does not spoil the next", () => {
    for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0xbd], [0xc0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
      expect(() => textOf(Uint8Array.from(bad))).toThrow(TypeError);
      expect(textOf(utf8("é😀"))).toBe("é😀");
    }
    expect(textOf(utf8("\ufeffa"))).toBe("\ufeffa");
  });

  it("have a length of four bytes, the highest first", () => {
    expect(toHex(u32be(0x01_02_03_04))).toBe("01020304");
    expect(toHex(u32be(0xff_ff_ff_fe))).toBe("fffffffe");
  });
});

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

function circle(): unknown {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
}
