import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codec } from "../../../bridges/agent-network/codec.js";
import { depthMax, frameKeys, outerKeysMax, scanFrame, type Scanned } from "../../../bridges/agent-network/scan.js";
import type { Command } from "../../../bridges/agent-network/schema.js";
import { Fault } from "../../../src/dialect/index.js";

interface Vector {
  readonly about: string;
  readonly frame: string;
  readonly type: string;
  readonly header?: object;
  readonly content?: object;
  readonly command?: object;
  readonly names: string;
}

const vectors = (file: string): readonly Vector[] =>
  JSON.parse(
    readFileSync(new URL(`../../../bridges/agent-network/vectors/${file}.json`, import.meta.url), "utf8"),
  ) as readonly Vector[];

const decoded = (frame: string): Command | undefined => {
  const [command] = codec.decode(frame);
  return command instanceof Fault ? undefined : command;
};

const refused = (frame: string | Buffer): Fault => {
  try {
    codec.decode(frame);
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error(`${frame.toString().slice(0, 200)} is taken`);
};

describe("a frame is read", () => {
  it.each(vectors("commands"))("$about", ({ frame, type, header, content, command }) => {
    const read = decoded(frame);
    expect(read?.type).toBe(type);
    if (read === undefined || !("message" in read)) expect(read).toEqual(command);
    else {
      expect(read.message.header).toEqual(header);
      expect(read.message.content()).toEqual(content);
      expect(read.message.raw).toBe(frame);
    }
  });
});

describe("a frame is refused", () => {
  it.each(vectors("malformed"))("$about", ({ frame, names }) => {
    const fault = refused(frame);
    expect(fault.code).toBe("malformed");
    expect(fault.message).toContain(names);
    expect(fault.message.length).toBeLessThan(300);
  });

  it("in a binary message", () => {
    expect(refused(Buffer.from("{}")).code).toBe("malformed");
  });

  it("and the refusal names the message, where its id could be read", () => {
    const [whole] = vectors("commands").filter(({ header }) => header !== undefined);
    const fields = JSON.parse(whole?.frame ?? "") as object;
    expect(refused(JSON.stringify({ ...fields, content: 7, messageId: "m1" })).detail).toMatchObject({
      messageId: "m1",
    });
    expect(refused(JSON.stringify({ ...fields, messageId: "x".repeat(1_000_000) })).detail).not.toHaveProperty(
      "messageId",
    );
  });
});

/** JSON as somebody may spell it: white space anywhere, keys and texts with escapes. */
function spelt(value: fc.JsonValue, salt: number): string {
  let state = salt;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % below;
  };
  const space = (): string => ["", "", "", " ", "\n", "\t \r\n"][next(6)] ?? "";
  const text = (plain: string): string =>
    `"${Array.from(plain, (letter) => (next(4) === 0 ? escaped(letter) : JSON.stringify(letter).slice(1, -1))).join("")}"`;
  const write = (one: fc.JsonValue): string => {
    if (typeof one === "string") return text(one);
    if (Array.isArray(one)) return `[${space()}${one.map((item) => space() + write(item) + space()).join(",")}]`;
    if (typeof one !== "object" || one === null) return JSON.stringify(one);
    const members = Object.entries(one as Record<string, fc.JsonValue>);
    return `{${space()}${members.map(([key, item]) => `${space()}${text(key)}${space()}:${space()}${write(item)}${space()}`).join(",")}}`;
  };
  return space() + write(value) + space();
}

function escaped(letter: string): string {
  return [...Array(letter.length).keys()]
    .map((at) => `\\u${letter.charCodeAt(at).toString(16).padStart(4, "0")}`)
    .join("");
}

const keys = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...frameKeys) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "senderID",
      "SENDERID",
      "Content",
      "x",
      "__proto__",
      "ſenderId",
      "senderİd",
      "",
      '"',
      "\\",
    ),
  },
  { weight: 1, arbitrary: fc.string() },
);
const values = fc.jsonValue({ maxDepth: 4 });
const members = fc.array(fc.tuple(keys, values), { maxLength: 12 });

describe("the scanner", () => {
  it("finds what JSON.parse finds, however it is spelt, and refuses what stands twice or in another case", () => {
    fc.assert(
      fc.property(members, fc.nat(), (pairs, salt) => {
        const frame = `{${pairs.map(([key, value]) => `${spelt(key, salt)}:${spelt(value, salt)}`).join(",")}}`;
        const scanned = scanFrame(frame);
        const names = pairs.map(([key]) => key);
        const like = names.filter((name) => isLike(name));
        const exact = like.filter((name) => frameKeys.some((key) => key === name));
        if (like.length > exact.length || new Set(exact).size < exact.length) {
          expect(typeof scanned).toBe("string");
          return;
        }
        const parsed = JSON.parse(frame) as Readonly<Record<string, unknown>>;
        for (const key of frameKeys) {
          const json = (scanned as Scanned).json(key);
          expect(json === undefined ? undefined : JSON.parse(json)).toEqual(parsed[key]);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes a damaged frame only if JSON.parse takes it, but for what stands inside the texts of content", () => {
    const base = JSON.stringify({
      messageId: "m",
      content: { a: [1.5e3, true, null, { b: "c" }], d: {} },
      timestamp: 1,
    });
    const noise = [
      '"',
      "\\",
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "1",
      "-",
      ".",
      "e",
      "t",
      " ",
      "\n",
      "\u0001",
      "'",
      "/",
      "\uFEFF",
    ];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(base.length), fc.constantFrom("", ...noise), fc.nat(2)), {
          minLength: 1,
          maxLength: 4,
        }),
        (edits) => {
          let frame = base;
          for (const [at, put, cut] of edits) frame = frame.slice(0, at) + put + frame.slice(at + cut);
          const scanned = scanFrame(frame);
          const parsed = parse(frame);
          if (typeof scanned === "string") {
            if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
              expect(scanned).toMatch(/twice|case/);
          } else if (parsed === undefined) {
            // Only a text holds what a text may not hold: without the texts inside, it is JSON.
            expect(parse(frame.replaceAll(/"(?:[^"\\]|\\[^])*"/g, '""'))).toBeDefined();
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it("ends at its bounds", () => {
    const nested = (levels: number): string => `{"content":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    expect(typeof scanFrame(nested(depthMax - 1))).toBe("object");
    expect(scanFrame(nested(depthMax))).toContain("deeper");
    expect(scanFrame(`{"content":${"[".repeat(1_000_000)}`)).toContain("deeper");
    const wide = (fields: number): string =>
      `{${[...Array(fields).keys()].map((at) => `"k${String(at)}":1`).join(",")}}`;
    expect(typeof scanFrame(wide(outerKeysMax))).toBe("object");
    expect(scanFrame(wide(outerKeysMax + 1))).toContain("fields");
  });
});

function isLike(name: string): boolean {
  const folded = name.toUpperCase().replaceAll("İ", "I").toLowerCase(); // as readers do that compare letter by letter
  return frameKeys.some((key) => key.toLowerCase() === folded);
}

/** Undefined: no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
