import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Proposal } from "../../../bridges/agentchat/negotiation/proposal.js";
import { Proposals } from "../../../bridges/agentchat/negotiation/proposals.js";
import { Fault, type Table } from "../../../src/dialect/index.js";
import { TablesLmdb, TablesMemory } from "../../../src/storage/index.js";
import { codeFrom, offer, said } from "../../kit/agentchat-proposals.js";
import { settled } from "../../../src/conformance/conversation.js";

/** The connection of whoever speaks. */
const here = {};

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
    await first.step("p1", said("ACCEPT", "bob"), here);
    const again = new Proposals(table);
    expect(again.size).toBe(2);
    expect((await again.step("p1", said("ACCEPT", "bob"), here)).steps).toHaveLength(1);
    expect((await again.step("p1", said("COMPLETE", "ada"), here)).steps.map(({ type }) => type)).toEqual([
      "ACCEPT",
      "COMPLETE",
    ]);
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
    expect(
      await new Proposals(later.table<Proposal>("p")).step("p1", said("REJECT", "bob", { field: "no" }), here),
    ).toEqual({ ...full, status: "rejected", steps: [said("REJECT", "bob", { field: "no" })] });
    await later.close();
  });

  it("killed before the disk has a step, do not have it, and take it again; killed after, have it once", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const made = proposals.propose(offer("p1"), true);
    expect(new Proposals(table.disk).size).toBe(0);
    await table.write(0).keep();
    await made;
    const accepted = proposals.step("p1", said("ACCEPT", "bob"), here);
    const killedBefore = new TablesMemory().table<Proposal>("copy");
    await killedBefore.batch([...table.disk.range("", "\uffff")].map(([put, value]) => ({ put, value })));
    expect((await new Proposals(killedBefore).step("p1", said("ACCEPT", "bob"), here)).steps).toHaveLength(1);
    await table.write(1).keep();
    await accepted;
    expect((await new Proposals(table.disk).step("p1", said("ACCEPT", "bob"), here)).steps).toHaveLength(1);
    expect(await codeFrom(proposals.step("p1", said("ACCEPT", "bob"), here))).toBe("INVALID_PROPOSAL");
    expect((await proposals.step("p1", said("ACCEPT", "bob"), {})).steps).toHaveLength(1);
    expect(await codeFrom(proposals.step("p1", said("ACCEPT", "bob", { field: "another code" }), {}))).toBe(
      "INVALID_PROPOSAL",
    );
  });

  it("are not told before they are kept, even if that never happens", async () => {
    const table = new SlowTable();
    const told: string[] = [];
    const proposals = new Proposals(table);
    void proposals.propose(offer("p1"), true).then(() => told.push("first"));
    void proposals
      .propose(offer("p2", { sig: "sig of p1", task: "task of p1" }), true)
      .then(({ id }) => told.push(`again ${id}`));
    await settled();
    expect(told).toEqual([]);
    await table.write(0).keep();
    await settled();
    expect(told.sort()).toEqual(["again p1", "first"]);
  });

  it("said again with another stake are no step that was taken", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"));
    await proposals.propose(offer("p1"), true);
    const accept = said("ACCEPT", "bob", { elo_stake: 5 });
    await proposals.step("p1", accept, {});
    expect((await proposals.step("p1", { ...accept }, {})).steps).toEqual([accept]);
    for (const elo_stake of [500, 0])
      expect(await codeFrom(proposals.step("p1", { ...accept, elo_stake }, {}))).toBe("INVALID_PROPOSAL");
  });

  it("said again wait for a step on its way, too", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const made = proposals.propose(offer("p1"), true);
    await table.write(0).keep();
    await made;
    const accepted = proposals.step("p1", said("ACCEPT", "bob"), here);
    const told: string[] = [];
    const again = proposals
      .propose(offer("p2", { sig: "sig of p1" }), true)
      .then(({ id, status }) => told.push(`${id} ${status}`));
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
    const accepted = proposals.step("p1", said("ACCEPT", "bob"), here);
    expect(await codeFrom(proposals.step("p1", said("ACCEPT", "bob"), here))).toBe("INVALID_PROPOSAL");
    expect(await codeFrom(proposals.step("p1", said("REJECT", "bob"), here))).toBe("INVALID_PROPOSAL");
    const completed = proposals.step("p1", said("COMPLETE", "ada"), here);
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
    const refused = codeFrom(proposals.step("p1", said("ACCEPT", "bob"), here));
    table.write(2).fail();
    expect(await refused).toBe("unavailable");
    const accepted = proposals.step("p1", said("ACCEPT", "bob"), here);
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
    const both = [
      codeFrom(proposals.step("p1", said("ACCEPT", "bob"), here)),
      codeFrom(proposals.step("p1", said("COMPLETE", "ada"), here)),
    ];
    for (const at of failing) {
      table.write(at).fail();
      await settled();
    }
    expect(await Promise.all(both)).toEqual(["unavailable", "unavailable"]);
    const rejected = proposals.step("p1", said("REJECT", "bob"), here);
    await table.write(3).keep();
    expect((await rejected).steps.map(({ type }) => type)).toEqual(["REJECT"]);
    expect(table.disk.get("p1")?.status).toBe("rejected");
  });

  it("and a step decided upon one that could not be kept leave nothing behind", async () => {
    const table = new SlowTable();
    const proposals = new Proposals(table);
    const both = [
      codeFrom(proposals.propose(offer("p1"), true)),
      codeFrom(proposals.step("p1", said("ACCEPT", "bob"), here)),
    ];
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
    const lost = codeFrom(proposals.step("p1", said("ACCEPT", "bob"), here));
    const completed = proposals.step("p1", said("COMPLETE", "ada"), here);
    table.write(1).fail();
    await table.write(2).keep();
    expect([await lost, (await completed).status, table.disk.get("p1")?.status]).toEqual([
      "unavailable",
      "completed",
      "completed",
    ]);
    expect(await codeFrom(proposals.step("p1", said("DISPUTE", "bob"), here))).toBe("INVALID_PROPOSAL");
  });

  it("said again while open are the same one; other terms, which no signature covers, make another", async () => {
    const proposals = new Proposals(new TablesMemory().table<Proposal>("p"));
    await proposals.propose(offer("p1", { terms: "by Monday" }), true);
    const same = { sig: "sig of p1", task: "task of p1" };
    expect((await proposals.propose(offer("p2", { ...same, terms: "by Monday" }), true)).id).toBe("p1");
    expect(await proposals.propose(offer("p3", { ...same, terms: "by Friday" }), true)).toMatchObject({
      id: "p3",
      terms: "by Friday",
    });
    await proposals.step("p1", said("REJECT", "bob"), here);
    expect((await proposals.propose(offer("p4", { ...same, terms: "by Monday" }), true)).id).toBe("p4");
    expect(proposals.size).toBe(3);
  });
});
