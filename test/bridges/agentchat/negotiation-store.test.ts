import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Proposal, Step } from "../../../bridges/agentchat/negotiation/proposal.js";
import { proposalLimits, Proposals } from "../../../bridges/agentchat/negotiation/proposals.js";
import { Fault, type Table } from "../../../src/dialect/index.js";
import { TablesLmdb, TablesMemory } from "../../../src/services/index.js";
import { settled } from "../../kit/conversation.js";

const day = 24 * 60 * 60 * 1_000;

function offer(id: string, more: Partial<Proposal> = {}): Proposal {
  return { id, from: "ada", to: "bob", signedTo: "@bob", task: `task of ${id}`, sig: `sig of ${id}`, pubkey: "key of ada", at: 0, status: "pending", steps: [], ...more };
}

function said(type: Step["type"], by: string, more: Partial<Step> = {}): Step {
  return { type, by, sig: `${type} by ${by}`, pubkey: `key of ${by}`, at: 1, ...more };
}

/** A write that a test settles. */
interface Write {
  keep(): Promise<void>;
  fail(): void;
}

/** A table like the one on disk: a change is kept when its promise resolves, in the order in which the test says so. */
class SlowTable implements Table<Proposal> {
  readonly disk = new TablesMemory().table<Proposal>("disk");
  readonly writes: Write[] = [];

  get(key: string): Proposal | undefined {
    return this.disk.get(key);
  }

  put(key: string, value: Proposal): Promise<void> {
    return this.batch([{ put: key, value }]);
  }

  delete(key: string): Promise<void> {
    return this.batch([{ delete: key }]);
  }

  range(from: string, to: string): Iterable<readonly [string, Proposal]> {
    return this.disk.range(from, to);
  }

  batch(changes: Parameters<Table<Proposal>["batch"]>[0]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.writes.push({
        keep: async () => {
          await this.disk.batch(changes);
          resolve();
        },
        fail: () => {
          reject(new Fault("unavailable", "the disk is full"));
        },
      });
    });
  }

  write(at: number): Write {
    return this.writes[at] ?? expect.fail(`there is no write ${at}`);
  }
}

const codeOf = (thrown: unknown): unknown => (thrown instanceof Fault ? (thrown.detail?.["agentchat"] ?? thrown.code) : thrown);
const codeFrom = (work: Promise<unknown>): Promise<unknown> => work.then(() => "no refusal", codeOf);

describe("AgentChat: proposals that are kept", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it("are there again after the process was killed, each step once", async () => {
    const table = new TablesMemory().table<Proposal>("p");
    const first = new Proposals(table);
    await first.propose(offer("p1"), true);
    await first.propose(offer("p2"), true);
    await first.step("p1", said("ACCEPT", "bob"));
    const again = new Proposals(table);
    expect(again.size).toBe(2);
    expect(await codeFrom(again.step("p1", said("ACCEPT", "bob")))).toBe("INVALID_PROPOSAL");
    expect((await again.step("p1", said("COMPLETE", "ada"))).steps.map(({ type }) => type)).toEqual(["ACCEPT", "COMPLETE"]);
  });

  it("are the same on disk, over a restart", async () => {
    const folder = mkdtempSync(join(tmpdir(), "synaptic-proposals-"));
    folders.push(folder);
    const open = (): TablesLmdb => {
      const tables = new TablesLmdb({ path: join(folder, "tables"), failed: () => undefined });
      tables.open();
      return tables;
    };
    const tables = open();
    const full = offer("p1", { amount: 0.1, currency: "SOL", payment_code: "code", terms: "ü|", expires: 60 });
    await new Proposals(tables.table<Proposal>("p")).propose(full, true);
    await tables.close();
    const later = open();
    expect(await new Proposals(later.table<Proposal>("p")).step("p1", said("REJECT", "bob", { field: "no" }))).toEqual({ ...full, status: "rejected", steps: [said("REJECT", "bob", { field: "no" })] });
    await later.close();
  });

  it("killed before the disk has a step, do not have it, and take it again; killed after, have it once", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const made = proposals.propose(offer("p1"), true);
    expect(new Proposals(table.disk).size).toBe(0);
    await table.write(0).keep();
    await made;
    const accepted = proposals.step("p1", said("ACCEPT", "bob"));
    const killedBefore = new TablesMemory().table<Proposal>("copy");
    await killedBefore.batch([...table.disk.range("", "\uffff")].map(([put, value]) => ({ put, value })));
    expect((await new Proposals(killedBefore).step("p1", said("ACCEPT", "bob"))).steps).toHaveLength(1);
    await table.write(1).keep();
    await accepted;
    expect(await codeFrom(new Proposals(table.disk).step("p1", said("ACCEPT", "bob")))).toBe("INVALID_PROPOSAL");
  });

  it("are not told before they are kept, even if that never happens", async () => {
    const table = new SlowTable();
    const told: string[] = [];
    const proposals = new Proposals(table);
    void proposals.propose(offer("p1"), true).then(() => told.push("first"));
    void proposals.propose(offer("p2", { sig: "sig of p1", task: "task of p1" }), true).then(({ id }) => told.push(`again ${id}`));
    await settled();
    expect(told).toEqual([]);
    await table.write(0).keep();
    await settled();
    expect(told.sort()).toEqual(["again p1", "first"]);
  });

  it("said again wait for a step on its way, too", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const made = proposals.propose(offer("p1"), true);
    await table.write(0).keep();
    await made;
    const accepted = proposals.step("p1", said("ACCEPT", "bob"));
    const told: string[] = [];
    const again = proposals.propose(offer("p2", { sig: "sig of p1" }), true).then(({ id, status }) => told.push(`${id} ${status}`));
    await settled();
    expect(told).toEqual([]);
    await table.write(1).keep();
    await Promise.all([accepted, again]);
    expect(told).toEqual(["p1 accepted"]);
  });

  it("see the newer state while a step is being kept", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const made = proposals.propose(offer("p1"), true);
    await table.write(0).keep();
    await made;
    const accepted = proposals.step("p1", said("ACCEPT", "bob"));
    expect(await codeFrom(proposals.step("p1", said("ACCEPT", "bob")))).toBe("INVALID_PROPOSAL");
    expect(await codeFrom(proposals.step("p1", said("REJECT", "bob")))).toBe("INVALID_PROPOSAL");
    const completed = proposals.step("p1", said("COMPLETE", "ada"));
    expect(table.writes).toHaveLength(3);
    for (const at of [1, 2]) await table.write(at).keep();
    expect([(await accepted).status, (await completed).status]).toEqual(["accepted", "completed"]);
  });

  it("that could not be kept have not happened, and can be tried again", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const lost = codeFrom(proposals.propose(offer("p1"), true));
    const same = codeFrom(proposals.propose(offer("p9", { sig: "sig of p1", task: "task of p1" }), true));
    table.write(0).fail();
    expect([await lost, await same, proposals.size]).toEqual(["unavailable", "unavailable", 0]);
    const made = proposals.propose(offer("p1"), true);
    await table.write(1).keep();
    await made;
    const refused = codeFrom(proposals.step("p1", said("ACCEPT", "bob")));
    table.write(2).fail();
    expect(await refused).toBe("unavailable");
    const accepted = proposals.step("p1", said("ACCEPT", "bob"));
    await table.write(3).keep();
    expect((await accepted).steps).toHaveLength(1);
  });

  it.each([
    ["in order", [1, 2]],
    ["out of order", [2, 1]],
  ])("stand as the disk has them when two steps on the way both fail, %s", async (_order, failing) => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const made = proposals.propose(offer("p1"), true);
    await table.write(0).keep();
    await made;
    const both = [codeFrom(proposals.step("p1", said("ACCEPT", "bob"))), codeFrom(proposals.step("p1", said("COMPLETE", "ada")))];
    for (const at of failing) {
      table.write(at).fail();
      await settled();
    }
    expect(await Promise.all(both)).toEqual(["unavailable", "unavailable"]);
    const rejected = proposals.step("p1", said("REJECT", "bob"));
    await table.write(3).keep();
    expect((await rejected).steps.map(({ type }) => type)).toEqual(["REJECT"]);
    expect(table.disk.get("p1")?.status).toBe("rejected");
  });

  it("and a step decided upon one that could not be kept leave nothing behind", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const both = [codeFrom(proposals.propose(offer("p1"), true)), codeFrom(proposals.step("p1", said("ACCEPT", "bob")))];
    table.write(0).fail();
    await settled();
    table.write(1).fail();
    expect([await Promise.all(both), proposals.size]).toEqual([["unavailable", "unavailable"], 0]);
  });

  it("keep a step whose own write failed when a later one carried it to the disk", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const made = proposals.propose(offer("p1"), true);
    await table.write(0).keep();
    await made;
    const lost = codeFrom(proposals.step("p1", said("ACCEPT", "bob")));
    const completed = proposals.step("p1", said("COMPLETE", "ada"));
    table.write(1).fail();
    await table.write(2).keep();
    expect([await lost, (await completed).status, table.disk.get("p1")?.status]).toEqual(["unavailable", "completed", "completed"]);
    expect(await codeFrom(proposals.step("p1", said("DISPUTE", "bob")))).toBe("INVALID_PROPOSAL");
  });

  it("said again while open are the same one; other terms, which no signature covers, make another", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"));
    await proposals.propose(offer("p1", { terms: "by Monday" }), true);
    const same = { sig: "sig of p1", task: "task of p1" };
    expect((await proposals.propose(offer("p2", { ...same, terms: "by Monday" }), true)).id).toBe("p1");
    expect(await proposals.propose(offer("p3", { ...same, terms: "by Friday" }), true)).toMatchObject({ id: "p3", terms: "by Friday" });
    await proposals.step("p1", said("REJECT", "bob"));
    expect((await proposals.propose(offer("p4", { ...same, terms: "by Monday" }), true)).id).toBe("p4");
    expect(proposals.size).toBe(3);
  });

  it("are so many open per agent at most; settled and expired ones do not count", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"), { ...proposalLimits, openPerAgentMax: 2 });
    await proposals.propose(offer("p1"), true);
    await proposals.propose(offer("p2", { expires: 1 }), true);
    expect(await codeFrom(proposals.propose(offer("p3", { at: 999 }), true))).toBe("INVALID_PROPOSAL");
    await proposals.propose(offer("q1", { from: "eve", at: 999 }), true);
    await proposals.propose(offer("p3", { at: 1_000 }), true);
    await proposals.step("p1", said("REJECT", "bob", { at: 1_000 }));
    await proposals.propose(offer("p4", { at: 1_000 }), true);
    expect(await codeFrom(proposals.propose(offer("p5", { at: 1_000 }), true))).toBe("INVALID_PROPOSAL");
  });

  it("are so many in all: settled ones make room, oldest first, open ones never", async () => {
    const table = new TablesMemory().table<Proposal>("p");
    const proposals = new Proposals(table, { ...proposalLimits, keptMax: 3 });
    for (const id of ["p1", "p2", "p3"]) await proposals.propose(offer(id), true);
    expect(await codeFrom(proposals.propose(offer("p4"), true))).toBe("INVALID_PROPOSAL");
    await proposals.step("p3", said("REJECT", "bob"));
    await proposals.step("p2", said("REJECT", "bob"));
    await proposals.propose(offer("p4", { at: 2 }), true);
    expect([...table.range("", "\uffff")].map(([id]) => id)).toEqual(["p1", "p3", "p4"]);
    expect(proposals.size).toBe(3);
  });

  it("heard from somebody who has not proved the key are never taken for new ones", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"));
    await proposals.propose(offer("p1", { terms: "by Monday" }), false);
    const same = { sig: "sig of p1", task: "task of p1" };
    expect((await proposals.propose(offer("p2", { ...same, terms: "by Monday" }), false)).id).toBe("p1");
    expect(await codeFrom(proposals.propose(offer("p3", { ...same, terms: "by Friday" }), false))).toBe("INVALID_PROPOSAL");
    await proposals.step("p1", said("REJECT", "bob"));
    expect(await codeFrom(proposals.propose(offer("p4", { ...same, terms: "by Monday" }), false))).toBe("INVALID_PROPOSAL");
    expect((await proposals.propose(offer("p5", { ...same, terms: "by Monday" }), true)).id).toBe("p5");
  });

  it("that nobody answers expire after thirty days, and accepted ones count for a year after their last word", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"), { ...proposalLimits, openPerAgentMax: 1 });
    await proposals.propose(offer("p1"), true);
    expect(await codeFrom(proposals.propose(offer("p2", { at: 30 * day - 1 }), true))).toBe("INVALID_PROPOSAL");
    expect(await codeFrom(proposals.step("p1", said("ACCEPT", "bob", { at: 30 * day })))).toBe("PROPOSAL_EXPIRED");
    await proposals.propose(offer("p2", { at: 30 * day }), true);
    await proposals.step("p2", said("ACCEPT", "bob", { at: 31 * day }));
    expect(await codeFrom(proposals.propose(offer("p3", { at: (31 + 365) * day - 1 }), true))).toBe("INVALID_PROPOSAL");
    await proposals.propose(offer("p3", { at: (31 + 365) * day }), true);
    expect(await codeFrom(proposals.step("p2", said("COMPLETE", "ada", { at: (31 + 365) * day })))).toBe("PROPOSAL_NOT_FOUND");
  });

  it("go thirty days after their last word, not before, and never while open", async () => {
    const table = new TablesMemory().table<Proposal>("p");
    const proposals = new Proposals(table);
    await proposals.propose(offer("open", { expires: 40 * 24 * 60 * 60 }), true);
    await proposals.propose(offer("settled"), true);
    await proposals.step("settled", said("REJECT", "bob", { at: day }));
    const ids = (): readonly string[] => [...table.range("", "\uffff")].map(([id]) => id);
    await proposals.propose(offer("x", { at: 31 * day - 1 }), true);
    expect(ids()).toEqual(["open", "settled", "x"]);
    await proposals.propose(offer("y", { at: 31 * day }), true);
    expect(ids()).toEqual(["open", "x", "y"]);
    expect(await codeFrom(proposals.step("settled", said("REJECT", "bob")))).toBe("PROPOSAL_NOT_FOUND");
  });
});
