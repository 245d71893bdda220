import { describe, expect, it } from "vitest";
import { Ledger, Router } from "../../src/core/index.js";
import { FromGate } from "../../src/zmtp/from-gate.js";
import { OpenPolicy } from "./world.js";

const json = (from: string, content = "hello"): string => JSON.stringify({ message_id: "1", from, content: { message: content } });

/** Which of the payloads, one after the other in a chunk, may pass unread. */
function passing(policy: Partial<OpenPolicy>, ...payloads: readonly (string | Buffer)[]): boolean[] {
  const open = Object.assign(new OpenPolicy(new Router(), new Ledger()), policy);
  const gate = new FromGate(open);
  const bytes = payloads.map((payload) => Buffer.concat([Buffer.from([1, 1, 0x24, 0]), Buffer.from(payload)]));
  const chunk = Buffer.concat(bytes);
  gate.begin(chunk, 0);
  let at = 0;
  return bytes.map(({ length }) => {
    at += length;
    return gate.passes(chunk, at - length + 4, at);
  });
}

describe("the gate for from", () => {
  it("lets everything without $ and backslash pass unread", () => {
    expect(passing({}, json("alice"), "not json", "{", '{"from":"a","from":"b"}')).toEqual([true, true, true, true]);
  });

  it("stops whoever speaks as $…, in any spelling", () => {
    expect(passing({}, json("$broker"), '{"from":"\\u0024broker"}', '{"fr\\u006fm":"$broker"}', '{"from":"alice","from":"$broker"}', json("$"))).toEqual([false, false, false, false, false]);
  });

  it("lets a $ or a backslash elsewhere pass", () => {
    expect(passing({}, json("alice", "it costs $5"), json("alice", 'say "hi"\n'), json("a$"), "$5", json("alice"), '{"price":"$5"}')).toEqual([true, true, true, true, true, true]);
  });

  it("stops a protected name while names are checked, and only then", () => {
    const protectedNames = new Set(["mallory", "zoë"]);
    const payloads = [json("alice"), json("mallory"), json("alice"), json("zoë"), json("alicf"), json("bob")];
    expect(passing({ protectedNames }, ...payloads)).toEqual([true, true, true, true, true, true]);
    expect(passing({ protectedNames, checksFrom: true }, ...payloads)).toEqual([true, false, true, false, true, true]);
  });

  it("stops what it is not sure of while names are checked", () => {
    expect(passing({ checksFrom: true }, '{"from":7}', '{"from":"a","from":"b"}', " {}", json("$broker"), json('a"b'), "[1]", '{"price":5}')).toEqual([false, false, false, false, false, true, true]);
  });
});
