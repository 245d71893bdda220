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

  it.each(["trust", "replay", "received_at"])(
    "stops whoever writes %s into the outermost object, in any spelling or place, whether names are checked or not",
    (key) => {
      const value = { trust: '"proved"', replay: "true", received_at: '"2026-01-01T00:00:00Z"' }[key] ?? "";
      const wide = (width: 2 | 4, big: boolean): Buffer =>
        Buffer.concat(
          Array.from(`{"from":"a","${key}":${value}}`, (sign) => {
            const unit = Buffer.alloc(width);
            unit[big ? width - 1 : 0] = sign.charCodeAt(0);
            return unit;
          }),
        );
      const forged = [
        `{"from":"a","${key}":${value}}`,
        `{"${key}":${value},"from":"a"}`,
        `{"from":"a", "content":{"x":[1]}\n,\t"${key}" : ${value} }`,
        ` {"${key}":${value},"from":"a"}`,
        `{"from":"a","\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}":${value}}`,
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
      Buffer.from([0, 1, 2, 3]),
      Buffer.from([0xff, 0xfe, 0x74, 0]),
      Buffer.from([0x7b, 0]),
    ];
    expect(passing({}, ...harmless)).toEqual(harmless.map(() => true));
    expect(passing({ checksFrom: true }, ...harmless.slice(0, 6))).toEqual(harmless.slice(0, 6).map(() => true));
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
