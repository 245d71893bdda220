import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { jsonPartsMax, jsonShape, jsonText, readJson } from "../../src/core/index.js";

const problem = (text: string, depthMax = 64): string | undefined => {
  const reading = readJson(text, depthMax);
  return "problem" in reading ? reading.problem : undefined;
};

/** The deepest nesting, counted on the value. */
function depthOf(value: unknown): number {
  return typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
}

const row = '{"id":12345,"name":"a name","price":12.5,"ok":true,"from":1,"to":2,"note":"x","end":null}';

/** Rows of as many equal values. */
function matrix(rows: number, columns: number, value: string): string {
  const one = `[${Array<string>(columns).fill(value).join()}]`;
  return `{"content":[${Array<string>(rows).fill(one).join()}]}`;
}

/** The members of an object in the `at`-th order of its keys. */
function permuted(letters: string, at: number): string {
  const left = letters.split(",");
  const members: string[] = [];
  for (let rest = at; left.length > 0; rest = Math.floor(rest / (left.length + 1)))
    members.push(`"${left.splice(rest % left.length, 1).join()}":0`);
  return members.join();
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
    expect(problem(object(257))).toContain("more than 256 keys");
    expect(problem(object(100_000))).toContain("more than 256 keys");
  });

  it("with hundreds of keys and deep behind them is not parsed", () => {
    const keys = Array.from({ length: 300 }, (_, n) => `"k${String(n)}":0`).join();
    const parse = vi.spyOn(JSON, "parse");
    expect(problem(`{${keys},"a":${"[".repeat(500_000)}`)).toContain("more than 256 keys");
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });

  describe("of a megabyte", () => {
    const bytes = 1_000_000;
    const letters = (at: number): string => at.toString(36);
    const filled = (part: (at: number) => string): string => {
      const parts: string[] = [];
      for (let at = 0, size = 0; size < bytes; at += 1) size += (parts[at] = part(at)).length + 1;
      return parts.join();
    };
    const list = (part: (at: number) => string): string => `{"content":[${filled(part)}]}`;

    it.each([
      ["different keys", `{"content":{${filled((at) => `"${letters(at)}":0`)}}}`],
      ["objects of different keys", list((at) => `{"${letters(at)}":0}`)],
      ["the same keys in changing order", list((at) => `{${permuted("a,b,c,d,e,f,g,h", at)}}`)],
      ["keys that are numbers", `{"content":{${filled((at) => `"${String(at * 7919)}":0`)}}}`],
      ["empty objects", list(() => "{}")],
      ["empty lists", list(() => "[]")],
      ["lists in lists", list(() => "[".repeat(50) + "]".repeat(50))],
      ["numbers", list(() => "1")],
      ["texts", list(() => '""')],
    ])("is refused before it is parsed if it consists of %s", (_title, text) => {
      const parse = vi.spyOn(JSON, "parse");
      expect(problem(text)).toContain(`more than ${String(jsonPartsMax)} parts`);
      expect(parse).not.toHaveBeenCalled();
      parse.mockRestore();
    });

    it.each([
      ["an embedding of 30 × 1,536 numbers", matrix(30, 1_536, "-0.12345678")],
      ["a table of 10,000 rows of 8 named columns", matrix(10_000, 1, row)],
      ["a table of 10,000 rows of 8 columns", matrix(10_000, 8, "12345.67")],
      ["10,000 keys", `{"content":{${Array.from({ length: 10_000 }, (_, at) => `"word-${letters(at)}":1`).join()}}}`],
      ["a text with escapes", JSON.stringify({ content: 'one "line"\n\n'.repeat(50_000) })],
      ["75,000 points", matrix(75_000, 2, "12.34")],
    ])("is taken if it holds %s", (_title, text) => {
      expect(problem(text)).toBeUndefined();
    });
  });

  it.each([50, 200, 1_000])("counts each form of a table with %i columns once", (columns) => {
    const row = `{${Array.from({ length: columns }, (_, at) => `"c${String(at)}":1`).join()}}`;
    const rows = Math.floor(100_000 / columns);
    const { parts } = jsonShape(`[${Array.from({ length: rows }, () => row).join()}]`);
    // A list, then for each row an object, its values but one, and what parts it from the next; ten for each form.
    expect(parts).toBe(1 + rows + rows * (columns - 1) + (rows - 1) + 10 * columns);
  });

  it("has the shape that its value has", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonShape(JSON.stringify(value))).toMatchObject({ depth: depthOf(value), repeated: false });
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
