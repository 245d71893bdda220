import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import { meet, met, Party } from "./party.js";

beforeAll(ready);

const dayMs = 24 * 60 * 60 * 1_000;

let clock: FakeClock;
let ada: Party;
let bob: Party;
beforeEach(async () => {
  clock = new FakeClock();
  ({ ada, bob } = await met(clock));
});

/** Lets what was begun by a timer end. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function days(count: number): Promise<void> {
  for (let day = 0; day < count; day += 1) {
    clock.advance(dayMs);
    await settle();
  }
}

describe("renewal", () => {
  it("comes by itself after 30 days: a new long-term pair that is kept, and an offer in each conversation", async () => {
    await meet(ada, bob, "other");
    const { agreement, signing } = ada.conversations.identity;
    await days(29);
    expect(ada.wanted).toEqual([]);
    await days(1);
    expect(ada.wanted).toEqual(["bob c", "bob other"]);
    const { identity } = ada.conversations;
    expect(identity.agreement.publicKey).not.toEqual(agreement.publicKey);
    expect(identity.signing).toBe(signing);
    expect(identity.earlier).toMatchObject([{ publicKey: agreement.publicKey, until: clock.now() + 7 * dayMs }]);
    expect(ada.records.identity).toEqual(identity);
    await days(8);
    expect([ada.conversations.identity.earlier, ada.records.identity?.earlier]).toEqual([[], []]);
    expect([...new Set(agreement.privateKey)]).toEqual([0]);
    await days(22);
    expect(ada.wanted.length).toBe(4);
  });

  it("replaces the key of a conversation, whose counters begin anew, and loses nothing that is on its way", async () => {
    const before = [ada.says("bob", { text: "one" }), ada.says("bob", { text: "two" })];
    await ada.conversations.renewAll();
    expect(ada.conversations.state("bob", "c")).toBe("none");
    const alsoBefore = ada.says("bob", { text: "three" });
    await meet(ada, bob);
    expect(ada.conversations.offer("bob", "c")).toBeUndefined();
    const after = ada.says("bob", { text: "four" });
    expect(await bob.opens(...before, alsoBefore, after)).toEqual(
      ["one", "two", "three", "four"].map((text) => ({ text })),
    );
    clock.advance(60_000);
    expect(await bob.opens(ada.says("bob", { text: "five" }))).toEqual([{ text: "five" }]);
    expect(bob.kinds).toEqual([]);
  });

  it("hands over what was held under the key before, when that ends", async () => {
    ada.says("bob", { text: "lost" });
    const held = ada.says("bob", { text: "held" });
    expect(await bob.opens(held)).toEqual([]);
    await ada.conversations.renewAll();
    await meet(ada, bob);
    clock.advance(60_000);
    expect(bob.released).toMatchObject([{ frame: { content: { text: "held" } }, late: true }]);
    expect(bob.kinds).toEqual(["gap"]);
  });

  it("tells no gap where all was sealed anew", async () => {
    const ids = ["m-lost", "m-held"];
    const [, held] = ids.map((id) => ada.says("bob", { id }, { id }));
    if (held !== undefined) await bob.opens(held);
    await ada.conversations.renewAll();
    await meet(ada, bob);
    expect(await bob.opens(...ids.map((id) => ada.says("bob", { id }, { id })))).toEqual(ids.map((id) => ({ id })));
    clock.advance(60_000);
    expect([bob.released, bob.kinds]).toEqual([[], []]);
  });

  it("tells no gap where what was held was processed meanwhile", async () => {
    ada.says("bob", { text: "lost" });
    await bob.opens(ada.says("bob", { text: "held" }, { id: "m-processed" }));
    await ada.conversations.renewAll();
    await meet(ada, bob);
    bob.records.processed.add("ada m-processed");
    clock.advance(60_000);
    expect([bob.released, bob.kinds]).toEqual([[], []]);
  });

  it("of many conversations with a peer is no flood for it", async () => {
    for (let at = 0; at < 20; at += 1) {
      clock.advance(1_000);
      await meet(ada, bob, `c${at}`);
    }
    clock.advance(60_000);
    await ada.conversations.renewAll();
    for (let second = 0; second < 20; second += 1) {
      for (const wanted of ada.wanted.splice(0)) await meet(ada, bob, wanted.split(" ")[1]);
      clock.advance(1_000);
    }
    expect([bob.kinds, ada.kinds]).toEqual([[], []]);
    for (let at = 0; at < 20; at += 1) expect(ada.conversations.offer("bob", `c${at}`)).toBeUndefined();
  });

  it("leaves everything as it was where it cannot be kept, and is tried again in an hour", async () => {
    const { agreement } = ada.conversations.identity;
    const save = ada.records.saveIdentity.bind(ada.records);
    const refused: Uint8Array[] = [];
    ada.records.saveIdentity = (keys) => {
      refused.push(keys.agreement.privateKey);
      return Promise.reject(new Error("no space left"));
    };
    await expect(ada.conversations.renewAll()).rejects.toThrow("no space left");
    await days(30);
    expect([ada.conversations.identity.agreement, ada.wanted]).toEqual([agreement, []]);
    expect(ada.problems.at(-1)).toMatchObject({ message: "no space left" });
    expect(refused.length).toBeGreaterThan(1);
    for (const key of refused) expect(key).toEqual(new Uint8Array(32));
    ada.records.saveIdentity = save;
    clock.advance(60 * 60 * 1_000);
    await settle();
    expect(ada.wanted).toEqual(["bob c"]);
  });

  it("is needed before more is said where a place was given up, and not for receipts", async () => {
    ada.says("bob", { text: "given up" });
    ada.conversations.renew("bob", "c");
    expect(ada.conversations.state("bob", "c")).toBe("none");
    expect(() => ada.says("bob", { text: "behind it" })).toThrow("given up");
    expect(await bob.opens(ada.says("bob", { messageIds: [] }, { type: "RECEIPT" }))).toEqual([{ messageIds: [] }]);
    await meet(ada, bob);
    expect(await bob.opens(ada.says("bob", { text: "behind it" }))).toEqual([{ text: "behind it" }]);
    clock.advance(60_000);
    expect(bob.kinds).toEqual([]);
  });

  it("waits for nothing once the conversations are closed", async () => {
    for (let at = 0; at < 8; at += 1) await meet(ada, bob, `c${at}`);
    await ada.conversations.renewAll();
    ada.conversations.close();
    bob.conversations.close();
    expect(clock.waiting).toBe(0);
  });
});

describe("openings that fail", () => {
  it("make a new offer wanted at the third, counted from the last that did not", async () => {
    const stale = await bob.restart();
    await meet(stale, ada);
    const lost = (): Promise<unknown> => ada.opens(bob.frame("ada", "ENCRYPTED", sealedBefore.content, "c", {}));
    const sealedBefore = stale.says("ada", { text: "x" });
    await lost();
    await lost();
    expect(await ada.opens(stale.says("ada", { text: "y" }))).toEqual([]);
    expect(ada.wanted).toEqual([]);
    await lost();
    await lost();
    expect(ada.wanted).toEqual([]);
    await lost();
    expect(ada.wanted).toEqual(["bob c"]);
    expect(ada.conversations.offer("bob", "c")).toBeDefined();
  });
});
