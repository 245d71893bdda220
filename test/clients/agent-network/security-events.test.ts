import { beforeAll, describe, expect, it } from "vitest";
import { toBase64 } from "../../../clients/typescript/agent-network/crypto/base64.js";
import { makeHandshake } from "../../../clients/typescript/agent-network/crypto/handshake-text.js";
import { agreementPair } from "../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { ready } from "../../../clients/typescript/agent-network/crypto/sodium.js";
import {
  SecurityEvents,
  securityKinds,
  type SecurityEvent,
  type SecurityKind,
} from "../../../clients/typescript/agent-network/security-events.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { met, Party, restored } from "./conversations/party.js";

beforeAll(ready);

interface World {
  readonly clock: FakeClock;
  readonly ada: Party;
  readonly bob: Party;
}

/** What makes bob tell each kind; where it is another bob, that one is returned. */
const causes: Readonly<Record<SecurityKind, (world: World) => Promise<unknown>>> = {
  malformed: ({ ada, bob }) => bob.hears(ada.handshakeFrame("bob", { agentId: "eve" })),
  "bad-key": ({ ada, bob }) => {
    const facts = { conversationId: "new", senderId: "ada", recipientId: "bob" };
    const { signing, agreement } = ada.conversations.identity;
    const ephemeralKey = new Uint8Array(32); // a point of low order
    const content = makeHandshake(facts, { signing, publicKey: agreement.publicKey, ephemeralKey });
    return bob.hears(ada.handshakeFrame("bob", { ...content }, "new"));
  },
  "bad-signature": ({ ada, bob }) => bob.opens({ ...ada.says("bob", { text: "pay" }), timestamp: 1 }),
  "bad-tag": async ({ ada, bob }) => {
    const other = await Party.start("bob", new FakeClock());
    const again = await ada.restart();
    const answer = await other.hears(again.offer("bob"));
    if (answer !== undefined) await again.hears(answer).catch(() => undefined);
    await again.conversations.acceptKey("bob", again.events[0]?.fingerprints?.shown ?? "");
    const second = await other.hears(again.offer("bob"));
    if (second !== undefined) await again.hears(second);
    return bob.opens(again.says("bob", { text: "by another key" }));
  },
  "key-changed": async ({ clock, bob }) => bob.hears((await Party.start("ada", clock)).offer("bob")),
  downgrade: ({ ada, bob }) => {
    const publicKey = toBase64(agreementPair().publicKey);
    return bob.hears(ada.handshakeFrame("bob", { agentId: "ada", publicKey }));
  },
  "used-ephemeral": async ({ ada, bob }) => {
    const offer = ada.offer("bob", "new");
    await bob.hears(offer);
    await bob.hears((await ada.restart()).offer("bob", "new"));
    return bob.hears(offer);
  },
  "unbound-answer": ({ ada, bob }) => {
    const facts = { conversationId: "c", senderId: "ada", recipientId: "bob" };
    const { signing, agreement } = ada.conversations.identity;
    const [ephemeralKey, answers] = [agreementPair().publicKey, agreementPair().publicKey];
    const content = makeHandshake(facts, { signing, publicKey: agreement.publicKey, ephemeralKey, answers });
    return bob.hears(ada.handshakeFrame("bob", { ...content }));
  },
  "counter-reused": async () => {
    const { ada, copy, bob } = await restored();
    await bob.opens(ada.says("bob", { text: "pay" }), copy.says("bob", { text: "pay more" }));
    return bob;
  },
  gap: async ({ clock, ada, bob }) => {
    ada.says("bob", { text: "lost" });
    await bob.opens(ada.says("bob", { text: "hello" }));
    clock.advance(60_000);
  },
  replayed: async ({ ada, bob }) => {
    const frame = ada.says("bob", { text: "pay" });
    for (let times = 0; times < 17; times += 1) await bob.opens(frame);
  },
  "plain-from-pinned": ({ ada, bob }) => {
    return Promise.resolve(bob.conversations.hearsPlain(ada.frame("bob", "INFORM", { text: "pay" }, "c", {})));
  },
  "not-opened": async ({ ada, bob }) => bob.opens({ ...ada.says("bob", { text: "hi" }), senderId: "stranger" }),
  flood: async ({ ada, bob }) => {
    for (let at = 0; at < 11; at += 1) await bob.hears(ada.offer("bob", `c${at}`));
  },
};

describe("a security event", () => {
  it.each(securityKinds)("is told and counted, with its remedy and without content: %s", async (kind) => {
    const clock = new FakeClock();
    const { ada, bob } = await met(clock);
    const other = await causes[kind]({ clock, ada, bob });
    const teller = other instanceof Party ? other : bob;
    const event = teller.events.find((each) => each.kind === kind);
    expect(event?.peer).toBe(kind === "not-opened" ? "stranger" : "ada");
    expect(event?.conversationId).toBeDefined();
    expect(event?.messageId === undefined).toBe(kind === "gap");
    expect(event?.message).toMatch(/^.{10,}; .{10,}$/);
    expect(event?.fingerprints === undefined).toBe(kind !== "key-changed");
    expect(teller.counts()[kind]).toBeGreaterThan(0);
    expect(JSON.stringify(event)).not.toContain("pay");
  });
});

describe("security events", () => {
  it("are counted by kind, all from zero, whether somebody listens or not", () => {
    const told: SecurityEvent[] = [];
    const events = new SecurityEvents();
    events.tell({ kind: "gap", peer: "ada", message: "m" });
    events.onEvent = (event) => told.push(event);
    events.tell({ kind: "gap", peer: "bob", message: "m" });
    expect(told.map(({ peer }) => peer)).toEqual(["bob"]);
    expect(events.counts()).toEqual({ ...Object.fromEntries(securityKinds.map((kind) => [kind, 0])), gap: 2 });
  });
});
