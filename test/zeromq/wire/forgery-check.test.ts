import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ledger, Router } from "../../../src/core/index.js";
import { ForgeryCheck } from "../../../src/zeromq/wire/forgery-check.js";
import { OpenPolicy } from "./world.js";

const json = (from: string, content = "hello"): string =>
  JSON.stringify({ message_id: "1", from, content: { message: content } });

/** Which of the payloads, one after the other in a chunk, may pass unread. */
function passing(policy: Partial<OpenPolicy>, ...payloads: readonly (string | Buffer)[]): boolean[] {
  const open = Object.assign(new OpenPolicy(new Router(), new Ledger()), policy);
  const check = new ForgeryCheck(open);
  const bytes = payloads.map((payload) => Buffer.concat([Buffer.from([1, 1, 0x24, 0]), Buffer.from(payload)]));
  const chunk = Buffer.concat(bytes);
  check.begin();
  let at = 0;
  return bytes.map(({ length }) => {
    at += length;
    return check.passes(chunk, at - length + 4, at);
  });
}

describe("the check for from", () => {
  it("lets everything without $ and backslash pass unread", () => {
    expect(passing({}, json("alice"), "not json", "{", '{"from":"a","from":"b"}')).toEqual([true, true, true, true]);
  });

  it("stops whoever speaks as $…, in any spelling", () => {
    expect(
      passing(
        {},
        json("$broker"),
        '{"from":"\\u0024broker"}',
        '{"fr\\u006fm":"$broker"}',
        '{"from":"alice","from":"$broker"}',
        json("$"),
      ),
    ).toEqual([false, false, false, false, false]);
  });

  it("lets a $ or a backslash elsewhere pass", () => {
    expect(
      passing(
        {},
        json("alice", "it costs $5"),
        json("alice", 'say "hi"\n'),
        json("a$"),
        "$5",
        json("alice"),
        '{"price":"$5"}',
      ),
    ).toEqual([true, true, true, true, true, true]);
  });

  it.each([
    ...["trust", "Trust", "TRUST", "tRUST", "trusT", "truSt", "trUst", "truſt", "TRUſT"],
    ...["replay", "Replay", "REPLAY", "rePlay", "repLay", "replAy", "replaY", "repLaY"],
    ...["received_at", "Received_At", "RECEIVED_AT", "receiVed_at", "receivEd_at", "receiveD_at", "received_aT"],
    ...["receıved_at", "receİved_at", "$broker", "$Broker", "$BROKER", "$bro\u212aer"],
  ])(
    "stops whoever writes %s into the outermost object, in any spelling or place, whether names are checked or not",
    (key) => {
      const value = key.startsWith("$") ? '{"a":1}' : '"proved"';
      const wide = (width: 2 | 4, big: boolean): Buffer =>
        Buffer.concat(
          Array.from(`{"from":"a","${key}":${value}}`, (sign) => {
            const unit = Buffer.alloc(width);
            if (big) unit.writeUInt16BE(sign.charCodeAt(0), width - 2);
            else unit.writeUInt16LE(sign.charCodeAt(0));
            return unit;
          }),
        );
      const forged = [
        `{"from":"a","${key}":${value}}`,
        `{"${key}":${value},"from":"a"}`,
        `{"from":"a", "content":{"x":[1]}\n,\t"${key}" : ${value} }`,
        ` {"${key}":${value},"from":"a"}`,
        `{"from":"a","\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}":${value}}`,
        // Behind more of a chunk than is looked through byte by byte, and behind what only ends like a key.
        `{"from":"a","x":"${"-".repeat(2_000)}","${key}":${value}}`,
        `{"from":"a",${'"no":"SET","nay":"AY","must":"THAT",'.repeat(20)}"${key}":${value}}`,
        `\ufeff{"from":"a","${key}":${value}}`,
        `{"from":"a","from":"b","${key}":${value}}`,
        wide(2, false),
        wide(2, true),
        wide(4, false),
        wide(4, true),
        Buffer.concat([Buffer.from([0xff, 0xfe]), wide(2, false)]),
      ];
      const honest = json("alice");
      for (const checksFrom of [false, true]) {
        expect(passing({ checksFrom }, ...forged.flatMap((payload) => [payload, honest]))).toEqual(
          forged.flatMap(() => [false, true]),
        );
      }
    },
  );

  it("lets the same words pass deeper, as text, in a payload without a sender, and bytes that are no JSON", () => {
    const harmless = [
      JSON.stringify({ from: "a", content: { trust: "proved", data: [{ replay: true, received_at: 1 }] } }),
      JSON.stringify({ from: "a", content: "trust" }),
      JSON.stringify({ from: "trust" }),
      '{"trust":0.9,"price":5}',
      JSON.stringify({ from: "a", content: 'I must, at last: "trust":"proved"' }),
      '{"from":"a","expires_at":"x","entrust":1,"display":2}',
      '{"from":"a","type":"REQUEST","at":"T","way":"Y","day":"LAY","a":"AT","b":"play","c":"just"}',
      '{"from":"a","TRUSTY":1,"replayed":2,"$brokers":3,"$broke":4,"entrust":5,"xtrust":6}',
      JSON.stringify({ from: "a", content: { Trust: "proved", data: [{ REPLAY: true, $Broker: 1 }] } }),
      Buffer.from([0, 1, 2, 3]),
      Buffer.from([0xff, 0xfe, 0x74, 0]),
      Buffer.from([0x7b, 0]),
    ];
    expect(passing({}, ...harmless)).toEqual(harmless.map(() => true));
    expect(passing({ checksFrom: true }, ...harmless.slice(0, 9))).toEqual(harmless.slice(0, 9).map(() => true));
  });

  it.each(["\u00a0", "\u0085", "\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000", "\ufeff"])(
    "looks behind white space, which readers trim: %j",
    (space) => {
      const protectedNames = new Set(["mallory"]);
      const payloads = [
        `${space}${json("mallory")}`,
        `${space}${json("$broker")}`,
        `é ${json("mallory")}`,
        "こんにちは",
      ];
      expect(passing({ protectedNames, checksFrom: true }, ...payloads)).toEqual([false, false, true, true]);
    },
  );

  it("takes From for from, as readers do that ignore case", () => {
    const protectedNames = new Set(["mallory"]);
    const payloads = [
      '{"From":"$broker"}',
      '{"from":"alice","FROM":"$broker"}',
      '{"From":"mallory"}',
      '{"from":"alice","From":"mallory"}',
      '{"From":"alice"}',
      '{"from":"alice","content":{"From":"Bob <bob@example.org>"}}',
    ];
    expect(passing({ protectedNames }, ...payloads)).toEqual([false, false, true, true, true, true]);
    expect(passing({ protectedNames, checksFrom: true }, ...payloads)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it("says the same of each message in a large chunk as alone", () => {
    const text = fc.oneof(
      fc.constantFrom("trust", "Trust", "replaY", "RECEIVED_AT", "$broker", "just", "SET", "T", "Y", "from", "From"),
      fc.string({ maxLength: 6 }),
    );
    const members = fc.array(fc.tuple(text, text), { maxLength: 6 });
    const payload = members.map(
      (all) => `{${all.map((pair) => pair.map((one) => JSON.stringify(one)).join(":")).join(",")}}`,
    );
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 30 }), fc.boolean(), (payloads, checksFrom) => {
        const alone = payloads.map((one) => passing({ checksFrom }, one)[0]);
        const filler = json("alice", "-".repeat(1_500));
        expect(passing({ checksFrom }, ...payloads, filler)).toEqual([...alone, true]);
      }),
      { seed: 12, numRuns: 500 },
    );
  });

  it("stops a protected name while names are checked, and only then", () => {
    const protectedNames = new Set(["mallory", "zoë"]);
    const payloads = [json("alice"), json("mallory"), json("alice"), json("zoë"), json("alicf"), json("bob")];
    expect(passing({ protectedNames }, ...payloads)).toEqual([true, true, true, true, true, true]);
    expect(passing({ protectedNames, checksFrom: true }, ...payloads)).toEqual([true, false, true, false, true, true]);
  });

  it("stops what it is not sure of while names are checked", () => {
    expect(
      passing(
        { checksFrom: true },
        '{"from":7}',
        '{"from":"a","from":"b"}',
        " {}",
        json("$broker"),
        json('a"b'),
        "[1]",
        '{"price":5}',
      ),
    ).toEqual([false, false, false, false, false, true, true]);
  });
});
