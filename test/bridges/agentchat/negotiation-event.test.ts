import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readPublicKey, verifies } from "../../../bridges/agentchat/keys.js";
import { contentOf, negotiationEventOf } from "../../../bridges/agentchat/negotiation/event.js";
import type { Proposal } from "../../../bridges/agentchat/negotiation/proposal.js";
import type { NegotiationEvent } from "../../../bridges/agentchat/events.js";
import { Fault, type Envelope, type Table } from "../../../src/dialect/index.js";
import { TablesMemory } from "../../../src/services/index.js";
import { keyFor } from "../../kit/agentchat-keys.js";
import { AgentChatWorld } from "../../kit/agentchat-world.js";

const [ada, bob] = [keyFor("ada"), keyFor("bob")];

const offer: NegotiationEvent = {
  type: "PROPOSAL",
  id: "p1",
  proposal_id: "p1",
  from: `@${ada.id}`,
  to: `@${bob.id}`,
  status: "pending",
  task: "write tests",
  amount: 5,
  currency: "USDC",
  sig: ada.signs(`@${bob.id}|write tests|5|USDC||`),
};
const accept: NegotiationEvent = { type: "ACCEPT", proposal_id: "p1", from: `@${bob.id}`, to: `@${ada.id}`, status: "accepted", sig: bob.signs("ACCEPT|p1|") };

function told(event: NegotiationEvent, change: Partial<Envelope> = {}, data: object = {}): Envelope {
  const key = event.from === `@${ada.id}` ? ada : bob;
  const content = contentOf(event, key.spki);
  return {
    message_id: "m1",
    timestamp: "2026-01-01T00:00:00.000Z",
    from: key.id,
    to: event.to.slice(1),
    type: "inform",
    priority: "NORMAL",
    content: { ...content, data: { ...(content.data as object), ...data } },
    ...change,
  };
}

describe("AgentChat: a negotiation in the core", () => {
  it("is text for people and everything for programs", () => {
    const { content } = told(offer);
    expect(content.kind).toBe("proposal");
    expect(content.message).toContain("write tests for 5 USDC");
    expect(content.data).toEqual({ ...offer, type: undefined, pubkey: ada.spki });
    expect(["ACCEPT", "REJECT", "COMPLETE", "DISPUTE"].map((type) => contentOf({ ...accept, type } as NegotiationEvent, bob.spki).kind)).toEqual(["proposal.accept", "proposal.reject", "proposal.complete", "proposal.dispute"]);
  });

  it("is the same event again on the other side", () => {
    for (const event of [offer, accept]) expect(negotiationEventOf(told(event))).toEqual(event);
  });

  it.each<[string, Envelope]>([
    ["of another kind", told(offer, { content: { message: "x", kind: "proposed", data: {} } })],
    ["without data", told(offer, { content: { message: "x", kind: "proposal" } })],
    ["from somebody else", told(offer, { from: bob.id })],
    ["in the name of somebody else", told(offer, {}, { from: `@${bob.id}` })],
    ["with somebody else's key", told(offer, {}, { pubkey: bob.spki })],
    ["without a key", told(offer, {}, { pubkey: undefined })],
    ["with another price", told(offer, {}, { amount: 6 })],
    ["with a price that is text", told(offer, {}, { amount: "5" })],
    ["with another id than its own", told(offer, {}, { id: "p2" })],
    ["with a status there is none of", told(offer, {}, { status: "paid" })],
    ["about another proposal", told(accept, {}, { proposal_id: "p2" })],
    ["of another step", told(accept, { content: { ...told(accept).content, kind: "proposal.complete" } })],
    ["meant for somebody else", told(offer, { to: "eve" })],
    ["said in a room", told(accept, { to: "#general" })],
  ])("is no event when it is %s", (_what, envelope) => {
    expect(negotiationEventOf(envelope)).toBeUndefined();
  });

  it("brings nothing along that is no part of it", () => {
    expect(negotiationEventOf(told(offer, {}, { ts: 1, verified: true, type: "MSG" }))).toEqual(offer);
  });

  it("is never a reason to fail, whatever an agent writes", () => {
    const kinds = fc.constantFrom("proposal", "proposal.accept", "proposal.reject", "proposal.complete", "proposal.dispute", "__proto__");
    fc.assert(
      fc.property(kinds, fc.oneof(fc.jsonValue(), fc.record({ proposal_id: fc.string(), from: fc.string(), to: fc.string(), status: fc.constant("pending"), sig: fc.string(), pubkey: fc.string() })), (kind, data) => {
        expect(negotiationEventOf(told(offer, { content: { message: "", kind, data } }))).toBeUndefined();
      }),
    );
  });
});

describe("AgentChat: negotiation and the disk", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** The broker's tables, where a test says what becomes of a change. */
  function kept(batch: () => Promise<void>): void {
    const table: Table<unknown> = { get: () => undefined, put: batch, delete: batch, range: () => [], batch };
    vi.spyOn(TablesMemory.prototype, "table").mockReturnValue(table);
  }

  const { task = "", sig } = offer;
  const said = { type: "PROPOSAL", to: `@${bob.id}`, task, amount: 5, currency: "USDC", sig };

  it("tells nobody of what is not kept yet", async () => {
    let keep = (): void => expect.fail("nothing was to be kept");
    kept(() => new Promise((resolve) => (keep = resolve)));
    const world = new AgentChatWorld();
    const [one, two] = [await world.proved("ada"), await world.proved("bob")];
    await one.client.says(said);
    for (const { client } of [one, two]) await client.hearsNothing();
    keep();
    for (const { client } of [one, two]) await client.hears({ type: "PROPOSAL", task });
  });

  it("keeps what somebody needs to verify both signatures later", async () => {
    const opened = vi.spyOn(TablesMemory.prototype, "table");
    const world = new AgentChatWorld();
    const [one, two] = [await world.proved("ada"), await world.proved("bob")];
    await one.client.says(said);
    const { id } = await two.client.hears({ type: "PROPOSAL" });
    await two.client.says({ type: "ACCEPT", proposal_id: id, sig: bob.signs(`ACCEPT|${String(id)}|`) });
    const [tables] = opened.mock.contexts;
    if (!(tables instanceof TablesMemory)) expect.fail("no tables");
    const kept = tables.table<Proposal>("agentchat-proposals").get(String(id));
    const by = (pubkey: string | undefined): { readonly key: NonNullable<ReturnType<typeof readPublicKey>>["key"] } => readPublicKey(pubkey ?? "") ?? expect.fail("no key");
    expect(verifies(by(kept?.pubkey), `@${bob.id}|${task}|5|USDC||`, kept?.sig ?? "")).toBe(true);
    expect(verifies(by(kept?.steps[0]?.pubkey), `ACCEPT|${String(id)}|`, kept?.steps[0]?.sig ?? "")).toBe(true);
    expect([kept?.status, kept?.steps.length]).toEqual(["accepted", 1]);
  });

  it("tells the speaker alone of what could not be kept", async () => {
    kept(() => Promise.reject(new Fault("unavailable", "the disk is full")));
    const world = new AgentChatWorld();
    const [one, two] = [await world.proved("ada"), await world.proved("bob")];
    await one.client.says(said);
    await one.client.hears({ type: "ERROR", code: "INTERNAL", ref: "PROPOSAL" });
    for (const { client } of [one, two]) await client.hearsNothing();
  });
});
