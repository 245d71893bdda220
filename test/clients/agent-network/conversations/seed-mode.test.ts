import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { toBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { agreementPair } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import { MemoryRecords, Party } from "./party.js";
import { SeedPeer } from "./seed-peer.js";

beforeAll(ready);

const dayMs = 24 * 60 * 60 * 1_000;

describe("a peer in seed mode", () => {
  let clock: FakeClock;
  let ada: Party;
  let old: SeedPeer;
  beforeEach(async () => {
    clock = new FakeClock();
    ada = await Party.start("ada", clock);
    old = new SeedPeer("old");
  });

  const key = (): string => toBase64(ada.conversations.identity.agreement.publicKey);

  it("answers an offer of version 2, and is sealed to and opened by its long-term key", async () => {
    const offer = ada.offer("old");
    expect(await ada.hears(old.handshake("ada"))).toBeUndefined();
    expect([ada.conversations.mode("old"), ada.conversations.state("old", "c")]).toEqual(["seed", "ready"]);
    expect(await old.opens(ada.says("old", { text: "hello" }), offer.content["publicKey"])).toEqual({ text: "hello" });
    const opened = await ada.conversations.open(await old.says("ada", key(), { text: "hello yourself" }, "QUERY"));
    expect(opened).toMatchObject([
      { mode: "seed", verified: true, frame: { messageType: "QUERY", content: { text: "hello yourself" } } },
    ]);
    expect([ada.kinds, "counter" in (opened[0] ?? {})]).toEqual([[], false]);
  });

  it("is answered in its own words where it comes first, and not again and again", async () => {
    const answer = await ada.hears(old.handshake("ada"));
    const signingKey = toBase64(ada.conversations.identity.signing.publicKey);
    expect(answer?.content).toEqual({ agentId: "ada", publicKey: key(), signingKey });
    expect(answer?.metadata.requiresResponse).toBe(true); // set by whoever sends it
    expect(await ada.hears(old.handshake("ada"))).toBeUndefined();
    clock.advance(10_000);
    expect(await ada.hears(old.handshake("ada"))).toBeDefined();
    const quiet = { ...old.handshake("ada", "other"), metadata: { requiresResponse: false } };
    expect(await ada.hears(quiet)).toBeUndefined();
  });

  it("has one key for all its conversations", async () => {
    await ada.hears(old.handshake("ada"));
    expect(ada.conversations.state("old", "another")).toBe("ready");
    const opened = await ada.opens(await old.says("ada", key(), { text: "hi" }, "INFORM", "another"));
    expect(opened).toEqual([{ text: "hi" }]);
  });

  it("is marked as unverified where it shows no signing key", async () => {
    old = new SeedPeer("old", false);
    await ada.hears(old.handshake("ada"));
    const opened = await ada.conversations.open(await old.says("ada", key(), { text: "hi" }));
    expect(opened).toMatchObject([{ verified: false }]);
  });

  it("is refused where its signature, its tag or its shape is wrong", async () => {
    await ada.hears(old.handshake("ada"));
    const frame = await old.says("ada", key(), { text: "hi" });
    const sealed = await old.says("ada", toBase64(agreementPair().publicKey), { text: "hi" });
    const changed = [
      { ...frame, metadata: { ...frame.metadata, priority: "HIGH" } },
      sealed,
      { ...frame, content: { ...frame.content, nonce: "AAAA" } },
    ];
    expect(await ada.opens(...changed)).toEqual([]);
    expect(ada.kinds).toEqual(["bad-signature", "bad-tag", "malformed"]);
  });

  it.each([
    ["its public key", (peer: SeedPeer) => (peer.agreement = agreementPair())],
    ["its signing key", (peer: SeedPeer) => Object.assign(peer, { signing: new SeedPeer("x").signing })],
    ["whether it has a signing key", (peer: SeedPeer) => Object.assign(peer, { hasSigningKey: false })],
  ])("is refused when it changes %s, until that is accepted", async (_what, change) => {
    await ada.hears(old.handshake("ada"));
    change(old);
    expect(await ada.hears(old.handshake("ada"))).toBeUndefined();
    expect(ada.kinds).toEqual(["key-changed"]);
    const { pinned, shown } = ada.events[0]?.fingerprints ?? { pinned: "", shown: "" };
    expect(pinned).not.toBe(shown);
    await ada.conversations.acceptKey("old", shown);
    await ada.hears(old.handshake("ada"));
    expect(await ada.opens(await old.says("ada", key(), { text: "hi" }))).toEqual([{ text: "hi" }]);
  });

  it("may learn version 2 with the signing key that is pinned, and not with another", async () => {
    const learned = async (signing: SeedPeer["signing"]): Promise<Party> => {
      const records = new MemoryRecords();
      records.identity = { signing, agreement: { ...old.agreement, since: clock.now() }, earlier: [] };
      return Party.start("old", clock, records);
    };
    await ada.hears(old.handshake("ada"));
    const impostor = await Party.start("old", clock);
    await ada.hears(impostor.offer("ada"));
    expect(ada.kinds).toEqual(["key-changed"]);
    await ada.conversations.acceptKey("old", ada.events[0]?.fingerprints?.pinned ?? "");
    const next = await learned(old.signing);
    const answer = await ada.hears(next.offer("ada"));
    if (answer !== undefined) await next.hears(answer);
    expect(ada.conversations.mode("old")).toBe(2);
    expect(await ada.opens(next.says("ada", { text: "sealed" }))).toEqual([{ text: "sealed" }]);
    expect(await ada.hears(old.handshake("ada"))).toBeUndefined();
    expect(await ada.opens(await old.says("ada", key(), { text: "as before" }))).toEqual([]);
    expect(ada.kinds).toEqual(["key-changed", "downgrade", "bad-signature"]);
  });

  it("is opened after a restart without a handshake, and sealed to after one", async () => {
    await ada.hears(old.handshake("ada"));
    const frame = await old.says("ada", key(), { text: "hi" });
    const again = await ada.restart();
    expect(await again.opens(frame)).toEqual([{ text: "hi" }]);
    expect(again.conversations.state("old", "c")).toBe("none");
    again.offer("old");
    await again.hears(old.handshake("ada"));
    expect(again.conversations.state("old", "c")).toBe("ready");
  });

  it("is opened by the long-term pair before for seven days more", async () => {
    await ada.hears(old.handshake("ada"));
    const before = key();
    await ada.conversations.renewAll();
    expect(ada.wanted).toEqual(["old c"]);
    expect(ada.offer("old").content["publicKey"]).toBe(key());
    await ada.hears(old.handshake("ada"));
    expect(await ada.opens(await old.says("ada", before, { text: "by the old key" }))).toEqual([
      { text: "by the old key" },
    ]);
    expect(await old.opens(ada.says("old", { text: "by the new key" }), key())).toEqual({ text: "by the new key" });
    clock.advance(8 * dayMs);
    await new Promise(setImmediate);
    expect(ada.conversations.identity.earlier).toEqual([]);
    expect(await ada.opens(await old.says("ada", before, { text: "too old" }))).toEqual([]);
    expect(ada.kinds).toEqual(["bad-tag"]);
  });

  it("is offered a handshake after three frames that do not open", async () => {
    await ada.hears(old.handshake("ada"));
    for (let times = 0; times < 3; times += 1) {
      await ada.opens(await old.says("ada", toBase64(agreementPair().publicKey), { text: "hi" }));
    }
    expect(ada.wanted).toEqual(["old c"]);
    expect(ada.conversations.offer("old", "c")).toBeDefined();
  });

  it("has no receipts, nor anything sealed in what was sealed", async () => {
    await ada.hears(old.handshake("ada"));
    expect(() => ada.says("old", { messageIds: [] }, { type: "RECEIPT" })).toThrow("seed mode");
    for (const type of ["RECEIPT", "HANDSHAKE", "ENCRYPTED"]) {
      expect(await ada.opens(await old.says("ada", key(), { messageIds: ["m1"] }, type))).toEqual([]);
    }
    expect(ada.kinds).toEqual(["malformed", "malformed", "malformed"]);
  });
});
