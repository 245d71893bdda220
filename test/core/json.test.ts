import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { jsonShape, jsonText, readJson } from "../../src/core/index.js";

const problem = (text: string, depthMax = 64): string | undefined => {
  const reading = readJson(text, depthMax);
  return "problem" in reading ? reading.problem : undefined;
};

/** The deepest nesting, counted on the value. */
function depthOf(value: unknown): number {
  return typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
}

describe("JSON from strangers", () => {
  it("is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(readJson(text, 1_000)).toEqual({ value: JSON.parse(text) as unknown });
      }),
    );
  });

  it.each([
    "",
    "{",
    "{'a':1}",
    '{"a":NaN}',
    '{"a":Infinity}',
    '{"a":1,}',
    "[1] x",
    '"a\nb"',
    "\ufeff{}",
    '{"a":undefined}',
  ])("is refused when it is none: %j", (text) => {
    expect(problem(text)).toContain("not valid JSON");
  });

  it.each([
    '{"from":"a","from":"b"}',
    '{"from":"a","x":{"from":1},"from":"b"}',
    '{"from":"a","fr\\u006fm":"b"}',
    '{"a":1,"x":[1,{"b":2}],"a":2}',
    '{"":1,"":2}',
    '{ "a" : 1 ,\n "a" : 2 }',
  ])("is refused when a key stands twice in the outermost object: %s", (text) => {
    expect(problem(text)).toContain("twice");
  });

  it.each([
    '{"a":"a","b":"a"}',
    '{"a":{"x":1},"b":{"x":1}}',
    '{"a":["a","a",{"a":1}]}',
    '{"a":"\\"a\\":1,","b":1}',
    '{"a":"}{","b":"\\\\"}',
    '[{"a":1},{"a":1}]',
    '["a","a"]',
  ])("is taken when only values or inner keys repeat: %s", (text) => {
    expect(problem(text)).toBeUndefined();
  });

  it("is not parsed when it is too deep: that would take a third of a second for 1 MB", () => {
    const parse = vi.spyOn(JSON, "parse");
    expect(problem(`{"a":${"[".repeat(500_000)}`)).toContain("deeper");
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });

  it("is refused beyond the depth, and taken at it", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(problem(nested(64))).toBeUndefined();
    expect(problem(nested(65))).toContain("deeper than 64");
    expect(problem(`{"a":${nested(64)}}`)).toContain("deeper");
    expect(problem(`{"a":"${"[".repeat(1_000)}"}`)).toBeUndefined();
    expect(problem(nested(5_000))).toContain("deeper");
  });

  it("with hundreds of keys is refused rather than slow", () => {
    const object = (keys: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${String(n)}`, n])));
    expect(problem(object(256))).toBeUndefined();
    expect(problem(object(100_000))).toBeDefined();
  });

  it("has the shape that its value has", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonShape(JSON.stringify(value))).toEqual({ depth: depthOf(value), repeated: false });
      }),
    );
  });

  it("with any key added a second time is refused", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 20 }), fc.nat(), (object, n) => {
        const keys = Object.keys(object);
        const again = keys[n % keys.length] ?? "";
        const text = `${JSON.stringify(object).slice(0, -1)},${JSON.stringify(again)}:1}`;
        expect(problem(text, 1_000)).toContain("twice");
      }),
    );
  });
});

it("writes a text as JSON.stringify does", () => {
  for (const text of [
    "",
    "plain",
    'a "quote"',
    "back\\slash",
    "line\nfeed",
    "\u0000",
    "\u007f\u2028",
    "\ud800 alone",
    "\u{1F980}",
  ])
    expect(jsonText(text)).toBe(JSON.stringify(text));
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(jsonText(text)).toBe(JSON.stringify(text));
    }),
  );
});
