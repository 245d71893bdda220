// Whatever a broker does with the frames of two agents: it reads nothing, and what it changes is refused and told.
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { previousMs } from "../../../../clients/typescript/agent-network/conversations/conversation-table.js";
import { parseFrame, writeFrame, type NetworkFrame } from "../../../../clients/typescript/agent-network/frames.js";
import { toBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { makeHandshake } from "../../../../clients/typescript/agent-network/crypto/handshake-text.js";
import { agreementPair, random } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import { MemoryRecords, meet, met, newIdentity, Party } from "./party.js";

beforeAll(ready);

let clock: FakeClock;
let ada: Party;
let bob: Party;
beforeEach(async () => {
  clock = new FakeClock();
  ({ ada, bob } = await met(clock));
});

/** A frame whose `content` says something else. */
function withContent(frame: NetworkFrame, change: Readonly<Record<string, unknown>>): NetworkFrame {
  return { ...frame, content: { ...frame.content, ...change } };
}

describe("a broker that changes sealed frames", () => {
  it.each([
    ["messageId", { messageId: "another" }],
    ["timestamp", { timestamp: 1 }],
    ["metadata", { metadata: { priority: "HIGH", encrypted: true, requiresResponse: false } }],
    ["metadata, by a key more", { metadata: { priority: "NORMAL", encrypted: true, requiresResponse: false, x: 1 } }],
  ])("is found out: %s", async (_what, change) => {
    expect(await bob.opens({ ...ada.says("bob", { text: "hello" }), ...change })).toEqual([]);
    expect(bob.kinds).toEqual(["bad-signature"]);
  });

  it("is found out: metadata, by a key that JavaScript has its own idea of", async () => {
    const text = writeFrame(ada.says("bob", { text: "hello" }));
    const changed = parseFrame(text.replace('"metadata":{', '"metadata":{"__proto__":{"x":1},'));
    if ("problem" in changed) throw new Error(changed.problem);
    expect(await bob.opens(changed.frame)).toEqual([]);
    expect(bob.kinds).toEqual(["bad-signature"]);
  });

  it("is found out: the conversation", async () => {
    await meet(ada, bob, "other");
    expect(await bob.opens({ ...ada.says("bob", { text: "hello" }), conversationId: "other" })).toEqual([]);
    expect(bob.kinds).toEqual(["bad-signature"]);
  });

  it("is found out: the original type, the nonce, the ciphertext, the signature", async () => {
    const frame = ada.says("bob", { text: "hello" });
    const changed = [
      withContent(frame, { originalType: "PROPOSAL" }),
      withContent(frame, { nonce: toBase64(random(24)) }),
      withContent(frame, { encryptedData: toBase64(random(60)) }),
      withContent(frame, { signature: toBase64(random(64)) }),
    ];
    expect(await bob.opens(...changed)).toEqual([]);
    expect(new Set(bob.kinds)).toEqual(new Set(["bad-signature"]));
  });

  it("is found out: truncated ciphertext, fields that are missing or more", async () => {
    const frame = ada.says("bob", { text: "hello" });
    const changed = [
      withContent(frame, { encryptedData: toBase64(random(15)) }),
      withContent(frame, { nonce: "" }),
      withContent(frame, { signature: undefined }),
      withContent(frame, { more: 1 }),
    ];
    expect(await bob.opens(...changed)).toEqual([]);
    expect(bob.kinds).toEqual(["malformed", "malformed", "malformed", "malformed"]);
  });

  it("cannot have an agent hear its own words, nor words to another", async () => {
    const eve = await Party.start("eve", clock);
    await meet(ada, eve);
    const frame = ada.says("bob", { text: "hello" });
    expect(await ada.opens(frame)).toEqual([]);
    expect(await ada.opens({ ...frame, senderId: "bob", recipientId: "ada" })).toEqual([]);
    expect(await eve.opens(frame)).toEqual([]);
    expect(await eve.opens({ ...frame, recipientId: "eve" })).toEqual([]);
    expect([ada.kinds, eve.kinds]).toEqual([
      ["malformed", "bad-signature"],
      ["malformed", "bad-signature"],
    ]);
  });

  it("cannot pass off one agent's words as another's", async () => {
    const eve = await Party.start("eve", clock);
    await meet(eve, bob);
    expect(await bob.opens({ ...eve.says("bob", { text: "I am ada" }), senderId: "ada" })).toEqual([]);
    expect(bob.kinds).toEqual(["bad-signature"]);
  });
});

describe("a peer", () => {
  it.each(["HANDSHAKE", "ENCRYPTED", "AUTH", "CONNECTED", "ACK", "HEARTBEAT", "PRESENCE", "ERROR", "DISCONNECT"])(
    "seals no %s, nor a type that is longer than one",
    async (type) => {
      expect(await bob.opens(ada.says("bob", {}, { type }), ada.says("bob", {}, { type: "x".repeat(257) }))).toEqual(
        [],
      );
      expect(bob.kinds).toEqual(["malformed", "malformed"]);
    },
  );
});

describe("a broker that reorders, repeats and drops", () => {
  it("changes nothing by it: what comes is in its order, and known when it comes again", async () => {
    const frames = ["one", "two", "three"].map((text) => ada.says("bob", { text }));
    const [one, two, three] = frames as [NetworkFrame, NetworkFrame, NetworkFrame];
    expect(await bob.opens(three, two)).toEqual([]);
    expect(await bob.opens(one)).toEqual([{ text: "one" }, { text: "two" }, { text: "three" }]);
    const [again] = await bob.conversations.open(two);
    expect(again).toMatchObject({ repeated: true, counter: 2 });
    expect(bob.kinds).toEqual([]);
  });

  it("is noticed when it drops: the gap is told after 60 s, and what was behind it is handed over", async () => {
    const frames = ["one", "two", "three"].map((text) => ada.says("bob", { text }));
    const [one, two, three] = frames as [NetworkFrame, NetworkFrame, NetworkFrame];
    expect(await bob.opens(one, three)).toEqual([{ text: "one" }]);
    clock.advance(60_000);
    expect(bob.released.map(({ frame }) => frame.content)).toEqual([{ text: "three" }]);
    expect(bob.events).toMatchObject([{ kind: "gap", peer: "ada", conversationId: "c" }]);
    expect(bob.events[0]?.message).toContain("message 2");
    expect(await bob.conversations.open(two)).toMatchObject([{ late: true, counter: 2 }]);
  });

  it("is noticed when it says a frame again and again", async () => {
    const frame = ada.says("bob", { text: "pay" });
    for (let times = 0; times < 20; times += 1) await bob.opens(frame);
    expect(new Set(bob.kinds)).toEqual(new Set(["replayed"]));
  });

  it("cannot bring back what was said under an earlier key", async () => {
    const old = ada.says("bob", { text: "pay" });
    await bob.opens(old);
    await ada.conversations.renewAll();
    await meet(ada, bob);
    clock.advance(previousMs - 1);
    expect(await bob.conversations.open(old)).toMatchObject([{ repeated: true }]);
    clock.advance(1);
    expect(await bob.opens(old)).toEqual([]);
    expect(bob.kinds).toEqual(["bad-tag"]);
  });

  it("reads nothing, since even its own keys as ciphertext's key open nothing", async () => {
    const frame = ada.says("bob", { secret: "the launch is on friday" });
    expect(JSON.stringify(frame)).not.toContain("friday");
    const eve = await Party.start("bob", clock);
    await meet(await Party.start("ada", clock), eve);
    expect(await eve.opens(frame)).toEqual([]);
  });
});

describe("a broker that meddles with handshakes", () => {
  it("cannot swap keys after the first contact: it is refused, told, and nothing goes to that name", async () => {
    const mallory = await Party.start("bob", clock);
    expect(await ada.hears(mallory.offer("ada"))).toBeUndefined();
    expect(ada.events).toMatchObject([{ kind: "key-changed", peer: "bob" }]);
    const { pinned, shown } = ada.events[0]?.fingerprints ?? { pinned: "", shown: "" };
    expect(pinned).not.toBe(shown);
    expect(pinned).toMatch(/^([0-9a-f]{4} ){15}[0-9a-f]{4}$/);
    expect(() => ada.says("bob", { text: "hello" })).toThrow(shown);
    expect(() => ada.offer("bob")).toThrow(pinned);
    expect(await ada.opens(bob.says("ada", { text: "hello" }))).toEqual([]);
    expect(ada.conversations.state("bob", "c")).toBe("refused");
  });

  it("cannot swap one key of a handshake, nor the ids around it", async () => {
    const eve = await Party.start("eve", clock);
    const offer = ada.offer("eve");
    const changed = [
      withContent(offer, { ephemeralKey: toBase64(agreementPair().publicKey) }),
      withContent(offer, { publicKey: toBase64(agreementPair().publicKey) }),
      withContent(offer, { signingKey: toBase64(newIdentity(0).signing.publicKey) }),
      withContent(offer, { answers: toBase64(agreementPair().publicKey) }),
      { ...offer, conversationId: "other" },
    ];
    for (const frame of changed) expect(await eve.hears(frame)).toBeUndefined();
    expect(eve.kinds).toEqual(["bad-signature", "bad-signature", "bad-signature", "bad-signature", "bad-signature"]);
    expect(eve.conversations.peers()).toEqual([]);
  });

  it("cannot misdirect an offer, nor have an agent shake its own hand", async () => {
    const eve = await Party.start("eve", clock);
    const offer = ada.offer("eve");
    expect(await bob.hears(offer)).toBeUndefined();
    expect(await bob.hears({ ...offer, recipientId: "bob" })).toBeUndefined();
    expect(await ada.hears(offer)).toBeUndefined();
    expect(await eve.hears({ ...offer, senderId: "bob" })).toBeUndefined();
    expect([bob.kinds, ada.kinds, eve.kinds]).toEqual([["malformed", "bad-signature"], ["malformed"], ["malformed"]]);
  });

  it("cannot strip the version from a pinned agent's handshake", async () => {
    const { agentId, publicKey, signingKey } = ada.conversations.offer("bob", "new") ?? {};
    expect(await bob.hears(ada.handshakeFrame("bob", { agentId, publicKey, signingKey }, "new"))).toBeUndefined();
    expect(bob.kinds).toEqual(["downgrade"]);
    expect([bob.conversations.mode("ada"), bob.conversations.state("ada", "new")]).toEqual([2, "none"]);
    expect(await bob.opens(ada.says("bob", { text: "still sealed" }))).toEqual([{ text: "still sealed" }]);
  });

  it("cannot have an old offer taken again, not even after a restart", async () => {
    const old = ada.offer("bob", "other");
    const answer = await bob.hears(old);
    if (answer !== undefined) await ada.hears(answer);
    await ada.conversations.renewAll();
    await meet(ada, bob, "other");
    expect(await bob.hears(old)).toBeUndefined();
    const again = await bob.restart();
    expect(await again.hears(old)).toBeUndefined();
    expect([bob.kinds, again.kinds]).toEqual([["used-ephemeral"], ["used-ephemeral"]]);
    // Its own offer, which helps where the old one was no attack.
    expect([bob.wanted, again.wanted]).toEqual([["ada other"], ["ada other"]]);
  });

  it("cannot use an offer in another conversation than its own, nor an ephemeral key twice", async () => {
    const pair = agreementPair();
    const eve = await Party.start("eve", clock, new MemoryRecords(), {
      ephemeralPair: () => ({ publicKey: pair.publicKey.slice(), privateKey: pair.privateKey.slice() }),
    });
    await meet(eve, bob, "first");
    expect(await bob.hears(eve.offer("bob", "second"))).toBeUndefined();
    expect(bob.kinds).toEqual(["used-ephemeral"]);
  });

  it("cannot have an answer count that is for another offer", async () => {
    const eve = await Party.start("eve", clock);
    const first = ada.offer("eve", "new");
    const answer = await eve.hears(first);
    const again = await ada.restart();
    again.offer("eve", "new");
    if (answer !== undefined) expect(await again.hears(answer)).toBeUndefined();
    expect(again.kinds).toEqual(["unbound-answer"]);
    expect(again.conversations.state("eve", "new")).toBe("offered");
  });

  it("cannot answer with another agent's key", async () => {
    const eve = await Party.start("eve", clock);
    await meet(eve, ada, "with eve");
    await ada.conversations.renewAll();
    const offer = ada.offer("bob");
    const facts = { conversationId: "c", senderId: "bob", recipientId: "ada" };
    const { signing } = eve.conversations.identity;
    const answers = Uint8Array.from(Buffer.from(String(offer.content["ephemeralKey"]), "base64"));
    const keys = { publicKey: agreementPair().publicKey, ephemeralKey: agreementPair().publicKey, answers };
    const forged = makeHandshake(facts, { signing, ...keys });
    expect(await ada.hears(bob.handshakeFrame("ada", { ...forged }))).toBeUndefined();
    expect(ada.kinds).toEqual(["key-changed"]);
  });

  it("cannot drive a delayed offer between two agents for longer than a few messages", async () => {
    const old = ada.offer("bob", "new"); // never arrives in time
    const later = await ada.restart();
    await meet(later, bob, "new");
    const answer = await bob.hears(old);
    if (answer !== undefined) await later.hears(answer);
    expect(later.kinds).toEqual(["unbound-answer"]);
    for (let times = 0; times < 3; times += 1) {
      expect(await later.opens(bob.says("ada", { text: "lost" }, { conversationId: "new" }))).toEqual([]);
    }
    expect(later.wanted).toEqual(["bob new"]);
    await meet(later, bob, "new");
    const frame = bob.says("ada", { text: "back" }, { conversationId: "new" });
    expect(await later.opens(frame)).toEqual([{ text: "back" }]);
  });
});
