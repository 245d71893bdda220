import fc from "fast-check";
import { Packr, Unpackr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { jsonToMsgpack } from "../../../../bridges/agent-network/encodings/json-to-msgpack.js";
import { msgpackToJson } from "../../../../bridges/agent-network/encodings/msgpack-to-json.js";
import { Fault } from "../../../../src/core/index.js";
import { vectorsOf } from "../../../kit/dialect-vectors.js";
import { faultOf } from "../../../kit/fault-of.js";

/** As a client in a browser would set its library: plain maps, no extensions of its own. */
const plain = { useRecords: false, mapsAsObjects: true } as const;
const packr = new Packr(plain);
const unpackr = new Unpackr(plain);

interface Vectors {
  readonly both: readonly { readonly json: string; readonly hex: string }[];
  readonly read: readonly { readonly about: string; readonly hex: string; readonly json: string }[];
  readonly unsayable: readonly { readonly about: string; readonly json: string; readonly names: string }[];
  readonly refused: readonly { readonly about: string; readonly hex: string; readonly names: string }[];
}

const vectors = vectorsOf("agent-network")("msgpack") as Vectors;

/** The library renames keys that are called so. */
const values = fc
  .jsonValue({ maxDepth: 6, stringUnit: "binary" })
  .filter((value) => !JSON.stringify(value).includes("__proto__"));

describe("a value of JSON in MessagePack", () => {
  it("is what a common library reads, and comes back the same", () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = JSON.stringify(value);
        const packed = jsonToMsgpack(text);
        expect(unpackr.unpack(packed)).toEqual(JSON.parse(text));
        expect(msgpackToJson(packed)).toBe(text);
      }),
    );
  });

  it("is read as a common library writes it", () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = JSON.stringify(value);
        expect(JSON.parse(msgpackToJson(packr.pack(JSON.parse(text))))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("keeps each number the same double", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = Object.is(value, -0) ? "-0" : JSON.stringify(value);
        expect(msgpackToJson(jsonToMsgpack(text))).toBe(text);
      }),
    );
  });

  it.each(vectors.both)("is written as such: $json", ({ json, hex }) => {
    expect(jsonToMsgpack(json).toString("hex")).toBe(hex);
  });

  it("gives long texts, lists and maps the shortest head that holds their length", () => {
    const heads = (json: string): string => jsonToMsgpack(json).subarray(0, 5).toString("hex");
    expect(heads(JSON.stringify("x".repeat(31)))).toMatch(/^bf78/);
    expect(heads(JSON.stringify("x".repeat(32)))).toMatch(/^d92078/);
    expect(heads(JSON.stringify("x".repeat(256)))).toMatch(/^da010078/);
    expect(heads(JSON.stringify("x".repeat(65_536)))).toBe("db00010000");
    expect(heads(JSON.stringify(new Array(15).fill(0)))).toMatch(/^9f00/);
    expect(heads(JSON.stringify(new Array(16).fill(0)))).toMatch(/^dc001000/);
    expect(heads(JSON.stringify(new Array(65_536).fill(0)))).toBe("dd00010000");
    const map = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`key ${String(at)}`, { at }]));
    expect(heads(JSON.stringify(map))).toMatch(/^de012c/);
    expect(unpackr.unpack(jsonToMsgpack(JSON.stringify(map)))).toEqual(map);
  });

  it.each(vectors.unsayable)("has no words for $about", ({ json, names }) => {
    expect(faultOf(() => jsonToMsgpack(json))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining(names) as string,
    });
  });

  it("is valid JSON wherever JSON.parse reads it, and nowhere else", () => {
    const piece = fc.constantFrom(...'[]{}",:0123456789.-eE+\\u/ntrfalse d8 \t'.split(""), "\\ud83d\\ude00", "\u0002");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        let problem = "";
        try {
          jsonToMsgpack(text);
        } catch (thrown) {
          if (!(thrown instanceof Fault)) throw thrown;
          problem = thrown.message;
        }
        if (isJson) expect(problem).not.toContain("not valid JSON");
        else expect(problem).not.toBe("");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a value of MessagePack in JSON", () => {
  it.each(vectors.read)("is read: $about", ({ hex, json }) => {
    expect(msgpackToJson(Buffer.from(hex, "hex"))).toBe(json);
  });

  it.each(vectors.refused)("is refused: $about", ({ hex, names }) => {
    expect(faultOf(() => msgpackToJson(Buffer.from(hex, "hex")))).toMatchObject({
      code: "malformed",
      message: expect.stringContaining(names) as string,
    });
  });

  it("refuses every beginning of a message, and reads no further than it goes", () => {
    const whole = packr.pack({ a: [1, 2.5, "text", { b: null }], c: Buffer.from("bytes"), d: "x".repeat(300) });
    for (let length = 0; length < whole.length; length += 1)
      expect(faultOf(() => msgpackToJson(whole.subarray(0, length))).message).toContain("end before");
    expect(faultOf(() => msgpackToJson(whole, 0, whole.length - 1)).message).toContain("end before");
  });

  it("throws nothing but faults, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          JSON.parse(msgpackToJson(Buffer.from(bytes)));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Fault);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
