import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { Peers, type Pin } from "../../../../clients/typescript/agent-network/conversations/peers.js";
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

/** An agent that calls itself bob and has other keys. */
async function otherBob(): Promise<{ bob: Party; shown: string; pinned: string }> {
  const other = await Party.start("bob", clock);
  await ada.hears(other.offer("ada"));
  return { bob: other, ...(ada.events.at(-1)?.fingerprints ?? { shown: "", pinned: "" }) };
}

describe("trust on first use", () => {
  it("pins who was met, and knows it after a restart", async () => {
    const [fact] = ada.conversations.peers();
    expect(fact).toMatchObject({ peer: "bob", mode: 2, isSpokenTo: false, conversations: 1 });
    const again = await ada.restart();
    expect(again.conversations.peers()[0]?.fingerprint).toBe(fact?.fingerprint);
    await again.hears((await Party.start("bob", clock)).offer("ada"));
    expect(again.kinds).toEqual(["key-changed"]);
  });

  it("has pinned before the answer leaves, or there is no answer", async () => {
    const eve = await Party.start("eve", clock);
    eve.records.failure = new Error("no space left");
    await expect(eve.hears(ada.offer("eve"))).rejects.toThrow("no space left");
    expect([eve.conversations.state("ada", "c"), eve.conversations.peers()]).toEqual(["none", []]);
    eve.records.failure = undefined;
    await meet(ada, eve);
    expect(await eve.opens(ada.says("eve", { text: "hello" }))).toEqual([{ text: "hello" }]);
  });

  it("stays refused after a restart, until the application has accepted the new key", async () => {
    const { bob: newBob, shown } = await otherBob();
    const again = await ada.restart();
    expect(again.conversations.state("bob", "c")).toBe("refused");
    await again.conversations.acceptKey("bob", shown.replaceAll(" ", "").toUpperCase());
    await meet(again, newBob);
    expect(await newBob.opens(again.says("bob", { text: "hello" }))).toEqual([{ text: "hello" }]);
    await again.hears(bob.offer("ada", "old"));
    expect(again.kinds).toEqual(["key-changed"]);
  });

  it("goes on with the pinned key where the application keeps it", async () => {
    const { pinned } = await otherBob();
    expect(await ada.hears(bob.offer("ada", "new"))).toBeUndefined();
    await ada.conversations.acceptKey("bob", pinned);
    expect(await ada.opens(bob.says("ada", { text: "still me" }))).toEqual([{ text: "still me" }]);
    expect((await ada.restart()).conversations.state("bob", "c")).toBe("none");
  });

  it("wants new offers, and opens nothing of before, once a new key was accepted", async () => {
    const { shown } = await otherBob();
    const sealedBefore = bob.says("ada", { text: "old" });
    await ada.conversations.acceptKey("bob", shown);
    expect(ada.wanted).toEqual(["bob c"]);
    expect(await ada.opens(sealedBefore)).toEqual([]);
  });

  it("accepts no other fingerprint, and says which there are", async () => {
    const { shown, pinned } = await otherBob();
    await expect(ada.conversations.acceptKey("bob", "0000")).rejects.toThrow(pinned);
    await expect(ada.conversations.acceptKey("bob", "0000")).rejects.toThrow(shown);
    await expect(ada.conversations.acceptKey("nobody", "0000")).rejects.toThrow("not pinned");
    expect(ada.conversations.state("bob", "c")).toBe("refused");
  });

  it("accepts the key that was shown last, where several were", async () => {
    const { shown } = await otherBob();
    const { shown: last } = await otherBob();
    await expect(ada.conversations.acceptKey("bob", shown)).rejects.toThrow(last);
    await ada.conversations.acceptKey("bob", last);
    expect(ada.conversations.state("bob", "c")).toBe("none");
  });

  it("refuses a changed key even where that cannot be kept", async () => {
    ada.records.failure = new Error("no space left");
    const other = await Party.start("bob", clock);
    await expect(ada.hears(other.offer("ada"))).rejects.toThrow("no space left");
    expect([ada.conversations.state("bob", "c"), ada.kinds]).toEqual(["refused", ["key-changed"]]);
  });

  it("meets whom it has forgotten for the first time", async () => {
    await ada.conversations.forget("bob");
    expect([ada.conversations.peers(), ada.records.rows.size]).toEqual([[], 0]);
    expect(ada.conversations.state("bob", "c")).toBe("none");
    await meet(await Party.start("bob", clock), ada);
    expect([ada.conversations.mode("bob"), ada.kinds]).toEqual([2, []]);
  });

  it("refuses a peer whose pin is damaged, until the application accepts its key", async () => {
    const sealed = bob.says("ada", { text: "hello" });
    ada.records.rows.delete("peers/bob");
    ada.records.damaged.add("peers/bob");
    const again = await ada.restart();
    expect(await again.opens(sealed)).toEqual([]);
    const plain = bob.frame("ada", "INFORM", { text: "pay" }, "c", {});
    expect(again.conversations.hearsPlain(plain)).toBe(false);
    await again.hears(bob.offer("ada", "new"));
    expect(again.kinds).toEqual(["bad-signature", "plain-from-pinned", "key-changed"]);
    expect(again.conversations.state("bob", "c")).toBe("refused");
    const { shown = "", pinned } = again.events.at(-1)?.fingerprints ?? {};
    expect(pinned).toMatch(/unreadable/);
    const later = await again.restart();
    await later.conversations.acceptKey("bob", shown);
    await meet(later, bob);
    expect(await bob.opens(later.says("bob", { text: "hello" }))).toEqual([{ text: "hello" }]);
  });

  it("refuses plain frames in the name of one who seals, and hears them of others", () => {
    const plain = bob.frame("ada", "INFORM", { text: "pay" }, "c", {});
    expect(ada.conversations.hearsPlain(plain)).toBe(false);
    expect(ada.conversations.hearsPlain({ ...plain, senderId: "plain-agent" })).toBe(true);
    expect(ada.events).toMatchObject([{ kind: "plain-from-pinned", messageId: plain.messageId }]);
  });
});

describe("two first contacts at once", () => {
  it("pin one key, and refuse the other", async () => {
    const eve = await Party.start("eve", clock);
    let go: () => void = () => undefined;
    eve.records.before = new Promise((resolve) => (go = resolve));
    const other = await Party.start("ada", clock);
    const both = Promise.all([eve.hears(ada.offer("eve", "one")), eve.hears(other.offer("eve", "two"))]);
    go();
    const [first, second] = await both;
    expect([first?.messageType, second, eve.kinds]).toEqual(["HANDSHAKE", undefined, ["key-changed"]]);
  });
});

describe("pins", () => {
  const pin = (peer: string, isSpokenTo: boolean): Pin => {
    return { peer, since: 1, isSpokenTo, mode: 2, signingKey: "s", publicKey: "p", fingerprint: "f" };
  };

  it("give way to new ones where nothing was said to them, the longest unused first", async () => {
    const peers = await Peers.open(new MemoryRecords(), 3);
    expect([pin("spoken", true), pin("older", false), pin("newer", false)].map((each) => peers.set(each))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    peers.touch("older");
    expect(peers.set(pin("more", false))).toBe("newer");
  });

  it("give way where something was said to all of them, too", async () => {
    const peers = await Peers.open(new MemoryRecords(), 1);
    peers.set(pin("first", true));
    expect(peers.set(pin("second", true))).toBe("first");
  });

  it("are read as they were kept, and not where a record is something else", async () => {
    const records = new MemoryRecords();
    const peers = await Peers.open(records);
    const seed: Pin = { peer: "seed", since: 2, isSpokenTo: true, mode: "seed", publicKey: "p", fingerprint: "f" };
    const refused = { ...pin("bob", true), shown: { mode: 2, publicKey: "q", fingerprint: "g" } as const };
    await records.commit([
      peers.record(refused),
      peers.record(seed),
      { table: "peers", key: "x", value: { peer: "x" } },
    ]);
    expect((await Peers.open(records)).all()).toEqual([refused, seed]);
  });

  it("are marked as spoken to by the first message, and not by a receipt", async () => {
    bob.says("ada", { messageIds: [] }, { type: "RECEIPT" });
    expect(bob.conversations.peers()[0]?.isSpokenTo).toBe(false);
    bob.says("ada", { text: "hello" });
    await new Promise(setImmediate);
    expect((await bob.restart()).conversations.peers()[0]?.isSpokenTo).toBe(true);
  });

  it("tell who has to hear of what could not be written meanwhile", async () => {
    bob.records.failure = new Error("no space left");
    bob.says("ada", { text: "hello" });
    await new Promise(setImmediate);
    expect(bob.problems).toEqual([bob.records.failure]);
  });

  it("are of one agent each: a name and another are not mixed up", async () => {
    const records = new MemoryRecords();
    records.identity = newIdentity(0);
    const eve = await Party.start("eve", clock, records);
    await meet(ada, eve);
    await meet(bob, eve);
    expect(eve.conversations.peers().map(({ peer }) => peer)).toEqual(["ada", "bob"]);
    const fingerprints = new Set(eve.conversations.peers().map((facts) => facts.fingerprint));
    expect(fingerprints.size).toBe(2);
  });
});
