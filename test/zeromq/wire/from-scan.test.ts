import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FromScan } from "../../../src/zeromq/wire/from-scan.js";
import vectors from "./vectors/from.json" with { type: "json" };

/** Mutation testing does all this once for each mutant: it gets a share. */
const isMutated = (process.env["MUTATE_TESTS"] ?? "") !== "";
const share = isMutated ? 10 : 1;
/** Every byte, or those that mean something in JSON or in UTF-8. */
const bytes = isMutated
  ? Buffer.from('\0\t "\\{}[]:,fromé\xff', "latin1")
  : Uint8Array.from({ length: 256 }, (_, n) => n);

/** What the scan says, and the name it read. */
function look(
  payload: Buffer,
  escaped = payload.includes(0x5c),
): { readonly verdict: string; readonly name: string | undefined } {
  // In the middle of other bytes, as in a chunk: the scan must not look beyond its range.
  const chunk = Buffer.concat([Buffer.from('{"from":"before"'), payload, Buffer.from('"from":"after"}')]);
  const scan = new FromScan();
  const verdict = scan.scan(chunk, 16, 16 + payload.length, escaped);
  return { verdict, name: verdict === "from" ? chunk.toString("utf8", scan.start, scan.end) : undefined };
}

/** `from` as JSON.parse reads it; `unreadable` if it does not parse. */
function parsed(payload: Buffer): { readonly from: unknown } | "unreadable" {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf8", { fatal: true, ignoreBOM: true }).decode(payload));
    return {
      from:
        typeof value === "object" && value !== null && !Array.isArray(value)
          ? (value as Record<string, unknown>)["from"]
          : undefined,
    };
  } catch {
    return "unreadable";
  }
}

/** The scan may say less than the parser, never something else. */
function expectAgreement(payload: Buffer): void {
  for (const escaped of payload.includes(0x5c) ? [true] : [false, true]) {
    const { verdict, name } = look(payload, escaped);
    const truth = parsed(payload);
    if (truth === "unreadable" || verdict === "unsure") continue;
    // A name that stands deeper only, in a payload without a sender: nobody can read another name from it.
    if (verdict === "from" && truth.from !== undefined) expect(name, payload.toString()).toBe(truth.from);
    if (verdict === "none") expect(truth.from, payload.toString()).toBeUndefined();
  }
}

const key = fc.constantFrom(
  '"from"',
  '"from"',
  '"from" ',
  '"fr\\u006fm"',
  '"From"',
  '"from_name"',
  '"to"',
  '"from\\u0000"',
  '"content"',
  "'from'",
  '"\\"from"',
  '"from":"x","from"',
);
const text = fc.constantFrom(
  '"alice"',
  '"$broker"',
  '"\\u0024broker"',
  '"a\\"from\\":b"',
  '"from"',
  '"zoë"',
  '"{"',
  '"}"',
  '",\\"from\\":"',
  '""',
  '"\\\\"',
  '"\\\\\\""',
);
const value = fc.oneof(
  { weight: 4, arbitrary: text },
  fc.constantFrom(
    "1",
    "null",
    "[1,2]",
    "[[{}]]",
    "NaN",
    " ",
    '{"from":"$nested"}',
    '{"a":{"from":"bob"}}',
    '["from","x"]',
  ),
);
const blank = fc.constantFrom("", "", "", " ", "\n", "\t", "\u00a0", "\0");
const member = fc
  .tuple(blank, key, blank, fc.constantFrom(":", ":", ":", "", ",", "::"), blank, value, blank)
  .map((parts) => parts.join(""));
const object = fc
  .tuple(
    fc.constantFrom("{", "{", "{", "[", " {", "\ufeff{", ""),
    fc.array(member, { maxLength: 5 }),
    fc.constantFrom("}", "}", "}", "", "}}", "} x", "]"),
  )
  .map(([open, members, close]) => `${open}${members.join(",")}${close}`);

describe("the scan of from", () => {
  it.each(vectors)(
    "$name",
    ({ payload, hex, verdict, from }: { payload?: string; hex?: string; verdict: string; from?: string }) => {
      const bytes = payload === undefined ? Buffer.from((hex ?? "").replaceAll(" ", ""), "hex") : Buffer.from(payload);
      expect(look(bytes)).toEqual({ verdict, name: from });
    },
  );

  it.each([
    ['{"from":"a","trust":"proved"}', true],
    ['{"replay":true,"from":"a"}', true],
    ['{"received_at":{"a":[1]},"from":"a"}', true],
    ['{"from":"a","TRUST":1}', true],
    ['{"truſt":1,"From":"a"}', true],
    ['{"from":"a","$broker":{}}', true],
    ['{"from":"a","trusty":1,"replays":1,"received_a":1}', false],
    ['{"from":"trust","to":"replay","content":{"received_at":1,"a":["trust"]}}', false],
    ['{"from":"a"}', false],
  ])("thorough, knows whether the outermost object has a key that only the broker writes: %j", (payload, marked) => {
    const scan = new FromScan();
    const bytes = Buffer.from(payload);
    expect([scan.scan(bytes, 0, bytes.length, true), scan.marked]).toEqual(["from", marked]);
    const plain = Buffer.from('{"from":"b"}');
    expect([scan.scan(plain, 0, plain.length, false), scan.marked]).toEqual(["from", false]);
  });

  it("takes no key for the sender's that differs from it in one letter", () => {
    for (let at = 0; at < 4; at += 1) {
      const key = Array.from("from", (letter, n) => (n === at ? "x" : letter)).join("");
      for (const [payload, thorough] of [
        [`{"${key}":"bob"}`, false],
        [`{"${key}":"bob"}`, true],
        [`{x${key}":"bob"}`, false],
        [`{"${key}x:"bob"}`, false],
      ] as const)
        expect(look(Buffer.from(payload), thorough).name).toBeUndefined();
      expect(look(Buffer.from(`{"${key}":"bob"}`), true).verdict).toBe("none");
      expect(look(Buffer.from(`{"${key}":"bob","from":"alice"}`), true)).toEqual({ verdict: "from", name: "alice" });
    }
    for (const payload of ['{xfrom":"bob"}', '{"fromx:"bob"}'])
      expect(look(Buffer.from(payload), false).name).toBeUndefined();
  });

  it("reads the sender's key in any case, and is not sure where it stands twice", () => {
    for (const thorough of [false, true]) {
      for (const key of ["From", "FROM", "fRoM"]) {
        expect(look(Buffer.from(`{"${key}":"bob"}`), thorough)).toEqual({ verdict: "from", name: "bob" });
        expect(look(Buffer.from(`{"from":"a","${key}":"b"}`), thorough).verdict).toBe("unsure");
        expect(look(Buffer.from(`{"${key}":"b","from":"a"}`), thorough).verdict).toBe("unsure");
      }
    }
  });

  it("looks at nothing behind its range", () => {
    const scan = new FromScan();
    const bytes = Buffer.from('{"from":"alice"} \n{"from":"bob"}');
    expect([scan.scan(bytes, 0, 0, false), scan.scan(bytes, 0, 16, true)]).toEqual(["none", "from"]);
    expect(scan.end).toBe(14);
  });

  it("thorough, is not sure of the outermost keys it cannot read", () => {
    for (const payload of ['{"tr\\u0075st":1,"from":"a"}', '{"from":"a","from":"a"}', '{"from":"a"']) {
      expect(look(Buffer.from(payload), true)).toEqual({ verdict: "unsure", name: undefined });
    }
    expect(look(Buffer.from('{"a":{"b\\n":"\\""},"from":"a"}'))).toEqual({ verdict: "from", name: "a" });
  });

  it("never reads another name than JSON.parse, from crooked objects", () => {
    fc.assert(
      fc.property(object, (payload) => {
        expectAgreement(Buffer.from(payload));
      }),
      { seed: 4, numRuns: 20_000 / share },
    );
  });

  it("never reads another name than JSON.parse, from real objects", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), fc.boolean(), (content, from, pretty) => {
        const payload = Buffer.from(
          JSON.stringify({ message_id: "1", from, content }, undefined, pretty ? 2 : undefined),
        );
        expectAgreement(payload);
        if (!payload.includes(0x5c)) expect(look(payload)).toEqual({ verdict: "from", name: from });
      }),
      { seed: 5, numRuns: 5_000 / share },
    );
  });

  it("never reads another name than JSON.parse, after any byte has been changed", () => {
    const original = Buffer.from(
      '{"message_id":"1","from":"alice","to":"bob","content":{"message":"from \\"me\\"","from":"$x"}}',
    );
    for (let at = 0; at < original.length; at += 1) {
      for (const byte of bytes) {
        const payload = Buffer.from(original);
        payload[at] = byte;
        expectAgreement(payload);
      }
    }
  });

  it("ends on random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        expectAgreement(Buffer.from(any));
        expectAgreement(Buffer.concat([Buffer.from("{"), any]));
      }),
      { seed: 6, numRuns: 5_000 / share },
    );
  });
});
