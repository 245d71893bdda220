import { afterEach, describe, expect, it, vi } from "vitest";
import { readPublicKey, verifies } from "../../../bridges/agentchat/keys.js";
import { contentOf, negotiationEventOf } from "../../../bridges/agentchat/negotiation/event.js";
import type { Proposal } from "../../../bridges/agentchat/negotiation/proposal.js";
import type { NegotiationEvent } from "../../../bridges/agentchat/events.js";
import { Fault, type Content, type Envelope, type Table } from "../../../src/dialect/index.js";
import { TablesMemory } from "../../../src/storage/index.js";
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
  pubkey: ada.spki,
  at: 1,
};
const accept: NegotiationEvent = {
  type: "ACCEPT",
  proposal_id: "p1",
  from: `@${bob.id}`,
  to: `@${ada.id}`,
  status: "accepted",
  sig: bob.signs("ACCEPT|p1|"),
  pubkey: bob.spki,
};

function told(event: NegotiationEvent, content: Content = contentOf(event, event.to.slice(1))): Envelope {
  return {
    message_id: "m1",
    timestamp: "2026-01-01T00:00:00.000Z",
    from: event.from.slice(1),
    to: event.to.slice(1),
    type: "inform",
    priority: "NORMAL",
    content,
  };
}

describe("AgentChat: a negotiation in the core", () => {
  it("is text for people and everything for programs", () => {
    const { content } = told(offer);
    expect(content.kind).toBe("proposal");
    expect(content.message).toContain("write tests for 5 USDC");
    expect(content.data).toEqual({ ...offer, type: undefined });
    expect(
      ["ACCEPT", "REJECT", "COMPLETE", "DISPUTE"].map(
        (type) => contentOf({ ...accept, type } as NegotiationEvent, ada.id).kind,
      ),
    ).toEqual(["proposal.accept", "proposal.reject", "proposal.complete", "proposal.dispute"]);
  });

  it("is the same event again on the other side", () => {
    for (const event of [offer, accept]) expect(negotiationEventOf(told(event))).toEqual(event);
  });

  it("is the same event again out of a mailbox, as bytes that are read anew, and nobody else's", () => {
    const envelope = structuredClone(told(offer));
    expect(negotiationEventOf(envelope)).toEqual(offer);
    for (const change of [{ from: "eve" }, { to: "eve" }])
      expect(negotiationEventOf({ ...envelope, ...change })).toBeUndefined();
    const data = { ...(envelope.content.data as object), status: "completed" };
    expect(negotiationEventOf({ ...envelope, content: { ...envelope.content, data } })).toBeUndefined();
  });

  it("is never what an agent wrote itself, be it signed and true to the letter", async () => {
    const unsaid = { ...offer, proposal_id: "p2" };
    const { type, ...data } = unsaid;
    expect(negotiationEventOf(told(unsaid, { message: type, kind: "proposal", data }))).toBeUndefined();
    const world = new AgentChatWorld();
    const one = await world.proved("bob");
    world.exchange.announce(bob.id, {
      type: "inform",
      content: structuredClone(contentOf({ ...offer, status: "completed" }, bob.id)),
    });
    expect(await one.client.hears({ type: "MSG" })).toMatchObject({
      content: expect.stringContaining("write tests for 5 USDC") as string,
    });
    await one.client.hearsNothing();
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
    const by = (pubkey: string | undefined): { readonly key: NonNullable<ReturnType<typeof readPublicKey>>["key"] } =>
      readPublicKey(pubkey ?? "") ?? expect.fail("no key");
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
