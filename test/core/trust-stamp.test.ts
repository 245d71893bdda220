import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stampInReplyTo, stampTrust } from "../../src/core/index.js";

const text = (payload: string, trust?: "shared" | "proved"): string =>
  stampTrust(Buffer.from(payload), trust).toString();

describe("a payload as subscribers get it", () => {
  it.each([
    ['{"from":"a","trust":"proved","type":"inform"}', '{"from":"a","type":"inform"}'],
    ['{"trust":"proved","from":"a","type":"inform"}', '{"from":"a","type":"inform"}'],
    [
      ' { "from" : "a" , "replay" : true , "type":"inform" , "received_at":"now" } \n',
      '{ "from" : "a" , "type":"inform" }',
    ],
    ['{"from":"a","tr\\u0075st":"proved","type":"inform"}', '{"from":"a","type":"inform"}'],
    ['{"trust":{"a":[1,"}"],"b":"\\"],"},"from":"a"}', '{"from":"a"}'],
    ['{"Trust":"proved","from":"a","RECEIVED_AT":1,"rePlay":true,"$Broker":{"a":1}}', '{"from":"a"}'],
    ['{"truſt":"proved","from":"a","TR\\u0055ST":1,"receıved_at":2}', '{"from":"a"}'],
    [
      '{"from":"a","content":{"trust":"proved","data":[{"replay":true}]},"x":"\\"trust\\":1","n":12345678901234567890.10}',
      '{"from":"a","content":{"trust":"proved","data":[{"replay":true}]},"x":"\\"trust\\":1","n":12345678901234567890.10}',
    ],
  ])(
    "has nothing of the broker's in the outermost object of a claimed sender, and every other byte: %j",
    (payload, expected) => {
      expect(text(payload)).toBe(expected);
    },
  );

  it("says the broker's word for a proved sender, once", () => {
    expect(text('{"from":"a","n":1e400}', "proved")).toBe('{"trust":"proved","from":"a","n":1e400}');
    expect(text('\n{"from":"a","trust":"claimed","replay":true}', "proved")).toBe('{"trust":"proved","from":"a"}');
  });

  it("keeps the letters of every script where a member is taken out", () => {
    expect(text('{"from":"zoë","trust":"proved","content":{"message":"日本 🦉"}}')).toBe(
      '{"from":"zoë","content":{"message":"日本 🦉"}}',
    );
  });

  it("keeps a key that one of the broker's begins with", () => {
    const payload = '{"trusty":1,"trust\\u0073":2,"replay ":3,"received_at\\"":4}';
    expect(text(payload)).toBe(payload);
  });

  it("is left as it is where it holds no object", () => {
    for (const payload of ["null", '"trust"', "[1]", ""]) expect(text(payload, "proved")).toBe(payload);
  });

  it("is the very same bytes where nothing is to be changed", () => {
    const payload = Buffer.from('{"from":"a","content":{"message":"\\n"}}');
    expect(stampTrust(payload, undefined)).toBe(payload);
  });

  it("is what JSON.parse would leave of any object", () => {
    const key = fc.oneof(fc.constantFrom("trust", "replay", "received_at", "trust ", "TrusT", "content"), fc.string());
    const members = fc.uniqueArray(fc.tuple(key, fc.jsonValue()), { selector: ([name]) => name, maxLength: 6 });
    fc.assert(
      fc.property(members, fc.boolean(), fc.constantFrom(undefined, "proved" as const), (all, pretty, trust) => {
        const object = { ...Object.fromEntries(all.filter(([name]) => name !== "__proto__")), from: "a" };
        const rest = {
          ...object,
          trust: undefined,
          TrusT: undefined,
          replay: undefined,
          received_at: undefined,
          ...(trust !== undefined && { trust }),
        };
        expect(JSON.parse(text(JSON.stringify(object, undefined, pretty ? 2 : undefined), trust))).toEqual(
          JSON.parse(JSON.stringify(rest)),
        );
      }),
      { seed: 11, numRuns: 2_000 },
    );
  });
});

describe("a payload that is told what it answers", () => {
  it.each([
    ['{"from":"a"}', '{"in_reply_to":"q1","from":"a"}'],
    [' {"from":"a","in_reply_to":null,"n":1e400}', '{"in_reply_to":"q1","from":"a","n":1e400}'],
    [
      '{"in_reply\\u005fto":"","from":"a","content":{"in_reply_to":2}}',
      '{"in_reply_to":"q1","from":"a","content":{"in_reply_to":2}}',
    ],
    ["null", "null"],
  ])("says it once, and every other byte as it came: %j", (payload, expected) => {
    expect(stampInReplyTo(Buffer.from(payload), "q1").toString()).toBe(expected);
  });
});
