import { afterEach, describe, expect, it, vi } from "vitest";
import { readPublicKey, verifies } from "../../../bridges/agentchat/keys.js";
import {
  contentOf,
  negotiationEventOf,
  proposalEvent,
  stepEvent,
  type FindProposal,
} from "../../../bridges/agentchat/negotiation/event.js";
import type { Proposal, Step } from "../../../bridges/agentchat/negotiation/proposal.js";
import type { NegotiationEvent } from "../../../bridges/agentchat/events.js";
import { Fault, type Content, type Envelope, type Table } from "../../../src/dialect/index.js";
import { TablesMemory } from "../../../src/storage/index.js";
import { keyFor } from "../../kit/agentchat-keys.js";
import { AgentChatWorld } from "../../kit/agentchat-world.js";

const [ada, bob] = [keyFor("ada"), keyFor("bob")];

const proposal: Proposal = {
  id: "p1",
  from: ada.id,
  to: bob.id,
  signedTo: `@${bob.id}`,
  task: "write tests",
  amount: 5,
  currency: "USDC",
  expires: 60,
  sig: ada.signs(`@${bob.id}|write tests|5|USDC||60`),
  pubkey: ada.spki,
  at: 1,
  status: "pending",
  steps: [],
};
const acceptance: Step = { type: "ACCEPT", by: bob.id, sig: bob.signs("ACCEPT|p1|"), pubkey: bob.spki, at: 2 };
const accepted: Proposal = { ...proposal, status: "accepted", steps: [acceptance] };
const proof: Step = { type: "COMPLETE", by: ada.id, field: "done", sig: "signed", pubkey: ada.spki, at: 3 };
const completed: Proposal = { ...accepted, status: "completed", steps: [acceptance, proof] };

const offer = proposalEvent(proposal, 1);
const accept = stepEvent(accepted, acceptance);
const complete = stepEvent(completed, proof);

/** The inform of a step, as it is read anew from bytes. */
function told(event: NegotiationEvent, content: Content = contentOf(event)): Pick<Envelope, "from" | "to" | "content"> {
  return structuredClone({ from: event.from.slice(1), to: event.to.slice(1), content });
}

const found =
  (kept: Proposal | undefined): FindProposal =>
  (id) =>
    id === kept?.id ? kept : undefined;

describe("AgentChat: a negotiation in the core", () => {
  it("is text for people and everything for programs", () => {
    const content = contentOf(offer);
    expect(content.kind).toBe("proposal");
    expect(content.message).toContain("write tests for 5 USDC");
    expect(content.data).toEqual({ ...offer, type: undefined });
    expect(
      ["ACCEPT", "REJECT", "COMPLETE", "DISPUTE"].map(
        (type) => contentOf({ ...accept, type } as NegotiationEvent).kind,
      ),
    ).toEqual(["proposal.accept", "proposal.reject", "proposal.complete", "proposal.dispute"]);
  });

  it("is the same event again on the other side, whatever has been said since", () => {
    expect(negotiationEventOf(told(offer), found(proposal), 1)).toEqual(offer);
    for (const kept of [accepted, completed]) expect(negotiationEventOf(told(accept), found(kept), 5)).toEqual(accept);
    expect(negotiationEventOf(told(complete), found(completed), 5)).toEqual(complete);
  });

  it("says of a proposal that waited where it stands now", () => {
    const statusIn = (kept: Proposal, now: number): unknown =>
      negotiationEventOf(told(offer), found(kept), now)?.status;
    expect(statusIn(proposal, 60_000)).toBe("pending");
    expect(statusIn(proposal, 60_001)).toBe("expired");
    expect(statusIn(completed, 60_001)).toBe("completed");
  });

  it("is nobody else's, no other step, and not what is not kept or is kept no more", () => {
    const kept = found(accepted);
    for (const change of [{ from: "eve" }, { to: "eve" }, { to: ada.id }, { from: bob.id, to: ada.id }])
      expect(negotiationEventOf({ ...told(offer), ...change }, kept, 1)).toBeUndefined();
    expect(negotiationEventOf(told(complete), kept, 1)).toBeUndefined();
    expect(negotiationEventOf(told(offer), found(undefined), 1)).toBeUndefined();
  });

  it("is not what says something else, in text or in a field", () => {
    const content = contentOf(offer);
    const data = content.data as object;
    for (const other of [
      { ...content, message: "pay me" },
      { ...content, kind: "proposal.accept" },
      { ...content, kind: "proposal.else" },
      { ...content, data: { ...data, amount: 9 } },
      { ...content, data: { ...data, terms: "all of it" } },
      { ...content, data: { ...data, status: "paid" } },
      { ...content, data: null },
      { ...content, data: "p1" },
      { message: "p1", kind: "proposal" },
    ])
      expect(negotiationEventOf(told(offer, other), found(accepted), 1)).toBeUndefined();
    const { data: said } = contentOf(accept);
    const content2 = { ...contentOf(accept), data: { ...(said as object), status: "completed" } };
    expect(negotiationEventOf(told(accept, content2), found(completed), 1)).toBeUndefined();
  });

  it("is never what the broker did not take", async () => {
    const world = new AgentChatWorld();
    const one = await world.proved("bob");
    world.exchange.announce(bob.id, { type: "inform", content: contentOf(offer) });
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

  const { task } = proposal;
  const sig = ada.signs(`@${bob.id}|${task}|5|USDC||`);
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
