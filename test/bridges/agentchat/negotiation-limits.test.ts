import { describe, expect, it } from "vitest";
import { proposalLimits, Proposals } from "../../../bridges/agentchat/negotiation/proposals.js";
import type { Proposal } from "../../../bridges/agentchat/negotiation/proposal.js";
import { TablesMemory } from "../../../src/storage/index.js";
import { codeFrom, offer, said } from "../../kit/agentchat-proposals.js";

/** The connection of whoever speaks. */
const here = {};
const day = 24 * 60 * 60 * 1_000;

describe("AgentChat: how many proposals are kept, and how long", () => {
  it("are so many open per agent at most; settled and expired ones do not count", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"), { ...proposalLimits, openPerAgentMax: 2 });
    await proposals.propose(offer("p1"), true);
    await proposals.propose(offer("p2", { expires: 1 }), true);
    expect(await codeFrom(proposals.propose(offer("p3", { at: 999 }), true))).toBe("INVALID_PROPOSAL");
    await proposals.propose(offer("q1", { from: "eve", at: 999 }), true);
    await proposals.propose(offer("p3", { at: 1_000 }), true);
    await proposals.step("p1", said("REJECT", "bob", { at: 1_000 }), here);
    await proposals.propose(offer("p4", { at: 1_000 }), true);
    expect(await codeFrom(proposals.propose(offer("p5", { at: 1_000 }), true))).toBe("INVALID_PROPOSAL");
  });

  it("are so many in all: whoever has the most makes room, settled ones first, then unanswered, then accepted", async () => {
    const table = new TablesMemory().table<Proposal>("p");
    const proposals = new Proposals(table, { ...proposalLimits, keptMax: 4 });
    const ids = (): readonly string[] => [...table.range("", "\uffff")].map(([id]) => id);
    await proposals.propose(offer("a1", { from: "eve" }), true);
    for (const id of ["p1", "p2", "p3"]) await proposals.propose(offer(id), true);
    await proposals.step("p3", said("REJECT", "bob"), here);
    await proposals.propose(offer("p4", { at: 2 }), true);
    expect(ids()).toEqual(["a1", "p1", "p2", "p4"]);
    await proposals.step("p1", said("ACCEPT", "bob"), here);
    await proposals.propose(offer("q1", { from: "max", at: 2 }), true);
    expect(ids()).toEqual(["a1", "p1", "p4", "q1"]);
    for (const [id, by] of [
      ["a1", "bob"],
      ["p4", "bob"],
      ["q1", "bob"],
    ] as const)
      await proposals.step(id, said("ACCEPT", by, { at: 3 }), here);
    expect(await codeFrom(proposals.propose(offer("p5", { at: 4 }), true)), "it would lose its own").toBe(
      "INVALID_PROPOSAL",
    );
    await proposals.propose(offer("r1", { from: "ida", at: 4 }), true);
    expect(ids()).toEqual(["a1", "p4", "q1", "r1"]);
    expect(proposals.size).toBe(4);
  });

  it("cannot be closed to others by accepted ones of free keys at one address", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"), { ...proposalLimits, keptMax: 20 });
    await proposals.propose(offer("honest", { network: "192.0.2.1" }), true);
    await proposals.propose(offer("too", { network: "192.0.2.1" }), true);
    for (let n = 0; n < 18; n += 1) {
      await proposals.propose(offer(`x${String(n)}`, { from: `key ${String(n)}`, network: "203.0.113.9" }), true);
      await proposals.step(`x${String(n)}`, said("ACCEPT", "bob"), here);
    }
    const more = offer("x", { from: "one more key", network: "203.0.113.9" });
    expect(await codeFrom(proposals.propose(more, true)), "each there has one").toBe("INVALID_PROPOSAL");
    for (const id of ["honest", "too"]) await proposals.step(id, said("ACCEPT", "bob"), here);
    await proposals.propose(offer("new", { from: "eve", network: "192.0.2.1" }), true);
    expect(proposals.size).toBe(20);
  });

  it("are agreements first of all: a crowd of keys that nobody has answered takes none from who has as little", async () => {
    const table = new TablesMemory().table<Proposal>("p");
    const proposals = new Proposals(table, { ...proposalLimits, keptMax: 20 });
    const there = { network: "192.0.2.1" };
    await proposals.propose(offer("honest", there), true);
    await proposals.step("honest", said("ACCEPT", "bob"), here);
    await proposals.propose(offer("asked", { network: "198.51.100.7", from: "carl" }), true);
    for (let n = 0; n < 60; n += 1)
      await proposals.propose(offer(`x${String(n)}`, { from: `key ${String(n)}`, ...there }), true);
    const ids = [...table.range("", "\uffff")].map(([id]) => id);
    expect(ids.filter((id) => !id.startsWith("x"))).toEqual(["asked", "honest"]);
    expect(ids).toHaveLength(20);
    expect((await proposals.step("honest", said("COMPLETE", "ada"), here)).status).toBe("completed");
  });

  it("of an address whose own are all accepted, one by each key, are refused before others' make room", async () => {
    const table = new TablesMemory().table<Proposal>("p");
    const proposals = new Proposals(table, { ...proposalLimits, keptMax: 10 });
    await proposals.propose(offer("asked", { network: "198.51.100.7", from: "carl" }), true);
    for (let n = 0; n < 9; n += 1) {
      await proposals.propose(offer(`x${String(n)}`, { from: `key ${String(n)}`, network: "203.0.113.9" }), true);
      await proposals.step(`x${String(n)}`, said("ACCEPT", "bob"), here);
    }
    const more = offer("more", { from: "one more key", network: "203.0.113.9" });
    expect(await codeFrom(proposals.propose(more, true))).toBe("INVALID_PROPOSAL");
    await proposals.propose(offer("new", { from: "eve", network: "192.0.2.1" }), true);
    const ids = [...table.range("", "\uffff")].map(([id]) => id);
    expect([ids.includes("asked"), ids.includes("new"), ids.length]).toEqual([true, true, 10]);
  });

  it("that have expired go before what may still be answered or is agreed", async () => {
    const table = new TablesMemory().table<Proposal>("p");
    const proposals = new Proposals(table, { ...proposalLimits, keptMax: 4 });
    await proposals.propose(offer("over", { from: "eve", expires: 1 }), true);
    for (const id of ["p1", "p2", "p3"]) await proposals.propose(offer(id), true);
    await proposals.propose(offer("p4", { at: 1_000 }), true);
    expect([...table.range("", "\uffff")].map(([id]) => id)).toEqual(["p1", "p2", "p3", "p4"]);
  });

  it("take so many bytes in all, counted with their steps", async () => {
    const keptMaxBytes = 64 * 1024;
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"), { ...proposalLimits, keptMaxBytes });
    await proposals.propose(offer("small", { from: "eve" }), true);
    for (let n = 0; n < 20; n += 1) {
      await proposals.propose(offer(`p${String(n)}`, { task: "x".repeat(4_096), terms: "y".repeat(4_096) }), true);
      expect(proposals.bytes).toBeLessThanOrEqual(keptMaxBytes);
    }
    await proposals.step("p19", said("ACCEPT", "bob", { field: "z".repeat(1_024) }), here);
    await proposals.step("small", said("ACCEPT", "bob"), here);
    expect(proposals.size).toBe(4);
  });

  it("heard from somebody who has not proved the key are never taken for new ones", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"));
    await proposals.propose(offer("p1", { terms: "by Monday" }), false);
    const same = { sig: "sig of p1", task: "task of p1" };
    expect((await proposals.propose(offer("p2", { ...same, terms: "by Monday" }), false)).id).toBe("p1");
    expect(await codeFrom(proposals.propose(offer("p3", { ...same, terms: "by Friday" }), false))).toBe(
      "INVALID_PROPOSAL",
    );
    await proposals.step("p1", said("REJECT", "bob"), here);
    expect(await codeFrom(proposals.propose(offer("p4", { ...same, terms: "by Monday" }), false))).toBe(
      "INVALID_PROPOSAL",
    );
    expect((await proposals.propose(offer("p5", { ...same, terms: "by Monday" }), true)).id).toBe("p5");
  });

  it("that nobody answers expire after thirty days, and accepted ones count for a year after their last word", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"), { ...proposalLimits, openPerAgentMax: 1 });
    await proposals.propose(offer("p1"), true);
    expect(await codeFrom(proposals.propose(offer("p2", { at: 30 * day - 1 }), true))).toBe("INVALID_PROPOSAL");
    expect(await codeFrom(proposals.step("p1", said("ACCEPT", "bob", { at: 30 * day }), here))).toBe(
      "PROPOSAL_EXPIRED",
    );
    await proposals.propose(offer("p2", { at: 30 * day }), true);
    await proposals.step("p2", said("ACCEPT", "bob", { at: 31 * day }), here);
    expect(await codeFrom(proposals.propose(offer("p3", { at: (31 + 365) * day - 1 }), true))).toBe("INVALID_PROPOSAL");
    await proposals.propose(offer("p3", { at: (31 + 365) * day }), true);
    expect(await codeFrom(proposals.step("p2", said("COMPLETE", "ada", { at: (31 + 365) * day }), here))).toBe(
      "PROPOSAL_NOT_FOUND",
    );
  });

  it("go thirty days after their last word, not before, and never while open", async () => {
    const table = new TablesMemory().table<Proposal>("p");
    const proposals = new Proposals(table);
    await proposals.propose(offer("open", { expires: 40 * 24 * 60 * 60 }), true);
    await proposals.propose(offer("settled"), true);
    await proposals.step("settled", said("REJECT", "bob", { at: day }), here);
    const ids = (): readonly string[] => [...table.range("", "\uffff")].map(([id]) => id);
    await proposals.propose(offer("x", { at: 31 * day - 1 }), true);
    expect(ids()).toEqual(["open", "settled", "x"]);
    await proposals.propose(offer("y", { at: 31 * day }), true);
    expect(ids()).toEqual(["open", "x", "y"]);
    expect(await codeFrom(proposals.step("settled", said("REJECT", "bob"), here))).toBe("PROPOSAL_NOT_FOUND");
  });
});
