// What a thief can and cannot do with the keys of an agent, or with an old copy of its disk.
import { beforeAll, describe, expect, it } from "vitest";
import type { NetworkFrame } from "../../../../clients/typescript/agent-network/frames.js";
import { fromBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { conversationKey, seedKeys } from "../../../../clients/typescript/agent-network/crypto/derive.js";
import { agreementPair, random } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { open, readSealed, seal } from "../../../../clients/typescript/agent-network/crypto/sealed.js";
import { ready, type Bytes, type KeyPair } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { headOf } from "../../../../clients/typescript/agent-network/conversations/opened.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import { MemoryRecords, meet, met, Party, restored } from "./party.js";

beforeAll(ready);

const bytes = (text: unknown): Bytes => {
  const read = typeof text === "string" ? fromBase64(text) : undefined;
  if (read === undefined) throw new TypeError("no base64");
  return read;
};

describe("a thief of both agents' keys who has recorded everything", () => {
  it("opens nothing of the past", async () => {
    const clock = new FakeClock();
    const [ada, bob] = await Promise.all([Party.start("ada", clock), Party.start("bob", clock)]);
    const offer = ada.offer("bob");
    const answer = await bob.hears(offer);
    if (answer === undefined) throw new Error("no answer");
    await ada.hears(answer);
    const frame = ada.says("bob", { secret: "friday" });
    expect(await bob.opens(frame)).toEqual([{ secret: "friday" }]);

    const stolen = [ada, bob].flatMap(({ conversations: { identity } }) => [
      identity.agreement.privateKey,
      identity.signing.privateKey.slice(0, 32),
    ]);
    const recorded = [offer, answer]
      .flatMap(({ content }) => [content["publicKey"], content["ephemeralKey"]])
      .map(bytes);
    const parts = readSealed(frame.content);
    let tried = 0;
    for (const own of stolen) {
      for (const peer of recorded) {
        const keys = [await conversationKey(own, peer, "c"), (await seedKeys(own, peer)).encryption];
        for (const key of keys)
          expect(() => open(headOf(frame, parts.originalType), parts, key)).toThrow("does not open");
        tried += keys.length;
      }
    }
    expect(tried).toBe(32);
    const disk = JSON.stringify([...ada.records.rows.values(), ...bob.records.rows.values()]);
    expect(disk).toContain(String(offer.content["ephemeralKey"])); // public, and nothing else of the conversation
    expect(disk).not.toContain("friday");
  });

  it("finds no ephemeral key and no conversation's key in memory any more", async () => {
    const clock = new FakeClock();
    const pairs: KeyPair[] = [];
    const ephemeralPair = (): KeyPair => {
      const pair = agreementPair();
      pairs.push(pair);
      return pair;
    };
    const ada = await Party.start("ada", clock, new MemoryRecords(), { ephemeralPair });
    const bob = await Party.start("bob", clock, new MemoryRecords(), { ephemeralPair });
    const offer = ada.offer("bob");
    expect(pairs.map(({ privateKey }) => privateKey.some((byte) => byte !== 0))).toEqual([true]);
    const answer = await bob.hears(offer);
    if (answer !== undefined) await ada.hears(answer);
    ada.offer("bob", "unanswered");
    bob.conversations.close();
    ada.conversations.close();
    expect(pairs.map(({ privateKey }) => [...new Set(privateKey)])).toEqual([[0], [0], [0]]);
    expect(clock.waiting).toBe(0);
    expect(() => ada.says("bob", { text: "hello" })).toThrow("closed");
    expect(await bob.opens(offer)).toEqual([]);
    expect(await bob.hears(offer)).toBeUndefined();
  });
});

describe("a peer that was restored from a backup", () => {
  it("is refused, reported and counted where its counter is rolled back", async () => {
    const { bob, ada, copy } = await restored();
    await bob.opens(...["one", "two", "three"].map((text) => ada.says("bob", { text })));
    const rolledBack = copy.says("bob", { text: "two, again" });
    expect(await bob.opens(rolledBack)).toEqual([]);
    expect(bob.events).toMatchObject([{ kind: "counter-reused", peer: "ada", messageId: rolledBack.messageId }]);
    expect(bob.counts()["counter-reused"]).toBe(1);
  });

  it("is heard again after a new handshake", async () => {
    const { bob, copy } = await restored();
    const fresh = await copy.restart();
    await meet(fresh, bob);
    expect(await bob.opens(fresh.says("bob", { text: "hello" }))).toEqual([{ text: "hello" }]);
  });

  it("loses no secret where its disk is an old one: an old offer brings a key that nobody has", async () => {
    const clock = new FakeClock();
    const { ada, bob } = await met(clock);
    const backup = bob.records.backup();
    const offer = ada.offer("bob", "new");
    const answer = await bob.hears(offer);
    if (answer !== undefined) await ada.hears(answer);
    const recorded = ada.says("bob", { text: "pay" }, { conversationId: "new" });
    const older = await bob.restart(backup);
    const again = await older.hears(offer);
    expect(again?.content["ephemeralKey"]).not.toBe(answer?.content["ephemeralKey"]);
    expect(await older.opens(recorded)).toEqual([]);
    expect(older.kinds).toEqual(["bad-tag"]);
  });
});

describe("what a peer seals by hand", () => {
  /** A frame of a peer whose program does as it likes: its key and its signature are right. */
  async function sealedByHand(
    text: { counter: number; data: Readonly<Record<string, unknown>> },
    originalType: string,
    metadata: NetworkFrame["metadata"] = { encrypted: true },
  ): Promise<{ bob: Party; frame: NetworkFrame }> {
    const clock = new FakeClock();
    const pair = agreementPair();
    const own = pair.privateKey.slice();
    const ada = await Party.start("ada", clock, new MemoryRecords(), { ephemeralPair: () => pair });
    const bob = await Party.start("bob", clock);
    const answer = await bob.hears(ada.offer("bob"));
    const key = await conversationKey(own, bytes(answer?.content["ephemeralKey"]), "c");
    const frame = ada.frame("bob", "ENCRYPTED", {}, "c", metadata);
    const { privateKey } = ada.conversations.identity.signing;
    const content = { ...seal(headOf(frame, originalType), text, key, privateKey, random(24)) };
    return { bob, frame: { ...frame, content } };
  }

  it.each([
    ["a receipt with a place", { counter: 1, data: {} }, "RECEIPT", { encrypted: true }],
    ["a message without a place", { counter: 0, data: {} }, "INFORM", { encrypted: true }],
    ["a counter at its end", { counter: Number.MAX_SAFE_INTEGER, data: {} }, "INFORM", { encrypted: true }],
    ["a handshake", { counter: 1, data: {} }, "HANDSHAKE", { encrypted: true }],
    ["a sealed frame", { counter: 1, data: {} }, "ENCRYPTED", { encrypted: true }],
    ["what says that it is plain", { counter: 1, data: {} }, "INFORM", { encrypted: false }],
  ])("is refused: %s", async (_what, text, type, metadata) => {
    const { bob, frame } = await sealedByHand(text, type, metadata);
    expect(await bob.opens(frame)).toEqual([]);
    expect(bob.kinds).toEqual(["malformed"]);
  });

  it("is heard where it is right", async () => {
    const { bob, frame } = await sealedByHand({ counter: 1, data: { text: "hello" } }, "INFORM");
    expect(await bob.opens(frame)).toEqual([{ text: "hello" }]);
  });
});
