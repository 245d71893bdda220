import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stampInReplyTo, stampMarks, stampTrust, type Marks } from "../../src/core/index.js";

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
    for (const payload of ["null", '"trust"', "[1]", "", '[{"trust":1}]', '"{"', " \n"])
      expect(text(payload, "proved")).toBe(payload);
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

describe("a payload that the broker has kept", () => {
  const marks: Marks = { stored_at: "2026-02-03T04:05:06.789Z", delivery_id: "b7", attempt: 2 };
  const broker = `"$broker":${JSON.stringify(marks)}`;
  const marked = (payload: string, trust?: "shared" | "proved"): string =>
    stampMarks(Buffer.from(payload), trust, marks).toString();

  it.each([
    ['{"from":"a","n":1.50}', `{${broker},"from":"a","n":1.50}`],
    ["{}", `{${broker}}`],
    [" {\n } \n", `{${broker}\n } \n`],
    ['{"$broker":{"attempt":9}}', `{${broker}}`],
    ['{"from":"a","$broker":{"$broker":[{"a":"}"}]} ,"type":"inform"}  ', `{${broker},"from":"a","type":"inform"}`],
    ['{"\\u0024broker":1,"from":"a","$BROKER":2,"$broKer":3}', `{${broker},"from":"a"}`],
    ['{"from":"a","$broker":1,"$broker":2}', `{${broker},"from":"a"}`],
    ['{"from":"a","content":{"$broker":{"attempt":9},"trust":"proved"}}', undefined],
    ['{"from":"a","$broker ":1,"$brokers":2,"x":"\\"$broker\\":1"}', undefined],
    ["[{}]", "[{}]"],
  ])("says the broker's marks once, and every other byte as it came: %j", (payload, expected) => {
    expect(marked(payload)).toBe(expected ?? `{${broker},${payload.slice(1)}`);
  });

  it("says the broker's word for a proved sender, too", () => {
    expect(marked('{"from":"a","trust":"claimed"}', "proved")).toBe(`{"trust":"proved",${broker},"from":"a"}`);
    expect(marked("{}", "shared")).toBe(`{"trust":"shared",${broker}}`);
  });

  it("holds exactly the marks, and is else what came, whatever came", () => {
    const key = fc.oneof(
      fc.constantFrom(
        "$broker",
        "$BROKER",
        "trust",
        "replay",
        "received_at",
        "$broker ",
        "from",
        "content",
        "__proto__",
      ),
      fc.string(),
    );
    const value = fc.oneof(
      fc.jsonValue().map((one) => JSON.stringify(one)),
      fc.constantFrom("1e400", "12345678901234567890.10", "-0.0", '"\\u0024broker"', '{"$broker":{"attempt":9}}'),
    );
    const blank = fc.constantFrom("", " ", "\n", "\t \r\n");
    const escaped = fc.boolean();
    const member = fc.tuple(blank, key, escaped, blank, value, blank);
    const everyMark = fc.record(
      { stored_at: fc.string(), delivery_id: fc.string(), attempt: fc.nat(), room_seq: fc.nat(), epoch: fc.string() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.array(member, { maxLength: 6 }),
        fc.constantFrom(undefined, "shared" as const, "proved" as const),
        everyMark,
        blank,
        (members, trust, wanted, around) => {
          const written = members.map(([before, name, isEscaped, between, json, after]) => {
            const quoted = isEscaped ? `"${escape(name)}"` : JSON.stringify(name);
            return { name, text: `${before}${quoted}${between}:${json}${after}` };
          });
          const payload = `${around}{${written.map(({ text: one }) => one).join(",")}}${around}`;
          const stamped = stampMarks(Buffer.from(payload), trust, wanted).toString();
          const { $broker, trust: said, ...rest } = JSON.parse(stamped) as Record<string, unknown>;
          expect($broker).toEqual(wanted);
          expect(said).toBe(trust);
          const others = written.filter(({ name }) => !/^(?:\$broker|trust|replay|received_at)$/i.test(name));
          expect(rest).toEqual(JSON.parse(`{${others.map(({ text: one }) => one).join(",")}}`));
          for (const { text: one } of others) expect(stamped).toContain(one);
        },
      ),
      { seed: 13, numRuns: 2_000 },
    );
  });

  function escape(name: string): string {
    return Array.from(
      { length: name.length },
      (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join("");
  }
});

describe("a payload that is told what it answers", () => {
  it.each([
    ['{"from":"a"}', '{"in_reply_to":"q1","from":"a"}'],
    [' {"from":"a","in_reply_to":null,"n":1e400}', '{"in_reply_to":"q1","from":"a","n":1e400}'],
    [
      '{"in_reply\\u005fto":"","from":"a","content":{"in_reply_to":2}}',
      '{"in_reply_to":"q1","from":"a","content":{"in_reply_to":2}}',
    ],
    ['{"in_reply_to":null}', '{"in_reply_to":"q1"}'],
    ["null", "null"],
  ])("says it once, and every other byte as it came: %j", (payload, expected) => {
    expect(stampInReplyTo(Buffer.from(payload), "q1").toString()).toBe(expected);
  });
});
