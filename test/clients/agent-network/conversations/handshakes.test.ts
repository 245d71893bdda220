import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { toBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import { met, Party } from "./party.js";

beforeAll(ready);

describe("a handshake at version 2", () => {
  let clock: FakeClock;
  beforeEach(() => {
    clock = new FakeClock();
  });

  it("gives both sides one key, in either direction", async () => {
    const { ada, bob } = await met(clock);
    expect(await bob.opens(ada.says("bob", { text: "hello" }))).toEqual([{ text: "hello" }]);
    expect(await ada.opens(bob.says("ada", { text: "hello yourself" }))).toEqual([{ text: "hello yourself" }]);
    expect([...ada.kinds, ...bob.kinds]).toEqual([]);
  });

  it("tells where it stands", async () => {
    const [ada, bob] = await Promise.all([Party.start("ada", clock), Party.start("bob", clock)]);
    expect(ada.conversations.state("bob", "c")).toBe("none");
    const offer = ada.offer("bob");
    expect(ada.conversations.state("bob", "c")).toBe("offered");
    const { answer, ready: bobs } = await bob.conversations.handshake(offer);
    expect(bobs).toEqual({ mode: 2, isNew: true });
    const outcome = await ada.conversations.handshake(bob.handshakeFrame("ada", { ...answer }));
    expect(outcome).toEqual({ ready: { mode: 2, isNew: true } });
    expect([ada.conversations.state("bob", "c"), ada.conversations.mode("bob")]).toEqual(["ready", 2]);
    expect(ada.conversations.offer("bob", "c")).toBeUndefined();
  });

  it("brings the same key in every offer until it is complete, and another one afterwards", async () => {
    const [ada, bob] = await Promise.all([Party.start("ada", clock), Party.start("bob", clock)]);
    const [first, second] = [ada.offer("bob"), ada.offer("bob")];
    expect(second.content["ephemeralKey"]).toBe(first.content["ephemeralKey"]);
    const answer = await bob.hears(second);
    if (answer !== undefined) await ada.hears(answer);
    await ada.conversations.renewAll();
    expect(ada.wanted).toEqual(["bob c"]);
    expect(ada.offer("bob").content["ephemeralKey"]).not.toBe(first.content["ephemeralKey"]);
    expect(toBase64(ada.conversations.identity.agreement.publicKey)).not.toBe(first.content["publicKey"]);
  });
});
