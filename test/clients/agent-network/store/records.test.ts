import { beforeAll, describe, expect, it } from "vitest";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { NotReady } from "../../../../clients/typescript/agent-network/conversations/conversations.js";
import { Outbox } from "../../../../clients/typescript/agent-network/delivery/outbox.js";
import { VaultMessages } from "../../../../clients/typescript/agent-network/store/kept-messages.js";
import { ProcessedIds } from "../../../../clients/typescript/agent-network/store/processed-ids.js";
import { MemoryStore } from "../../../../clients/typescript/agent-network/store/store-memory.js";
import { Transcript } from "../../../../clients/typescript/agent-network/store/transcript.js";
import { Vault } from "../../../../clients/typescript/agent-network/store/vault.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import { DiskInMemory, keptMessage, transcriptEntry } from "../../../kit/network-records.js";

beforeAll(async () => {
  await ready();
});

const inMemory = (): Promise<Vault> => Vault.open(new MemoryStore(), undefined);

describe("ids of processed messages", () => {
  it("are remembered over restarts, the last of each sender", async () => {
    const vault = await inMemory();
    const limits = { ofSender: 3, inAll: 5 };
    const ids = await ProcessedIds.open(vault, limits);
    for (const id of ["1", "2", "3", "4"]) await ids.add("ann", id);
    for (const id of ["1", "2", "3"]) await ids.add("bob", id);
    const again = await ProcessedIds.open(vault, limits);
    expect(again.size).toBe(5);
    expect(["1", "2", "3", "4"].map((id) => again.has("ann", id))).toEqual([false, false, true, true]);
    expect(again.has("bob", "3")).toBe(true);
  });

  it("are all there when there is more than a page of them, and gaps between", async () => {
    const vault = await inMemory();
    const ids = await ProcessedIds.open(vault, { ofSender: 700, inAll: 5_000 });
    await ids.add("ann", "first");
    for (let id = 0; id < 2_000; id += 1) await ids.add("bob", `${id}`);
    const again = await ProcessedIds.open(vault);
    expect([again.size, again.has("ann", "first")]).toEqual([701, true]);
    expect(["1299", "1300", "1999"].map((id) => again.has("bob", id))).toEqual([false, true, true]);
  });

  it("show nobody which of them are of one sender", async () => {
    const disk = new DiskInMemory();
    const ids = await ProcessedIds.open(await Vault.open(disk, "p"));
    for (const id of ["1", "2"]) await ids.add("ann", id);
    const rows = await disk.read("processed");
    expect(rows.map(([key]) => key)).toEqual(["0000000000000001", "0000000000000002"]);
    const [one = "", other = ""] = rows.map(([, value]) => Buffer.from(value).toString("latin1"));
    for (let at = 0; at + 6 <= one.length; at += 1) expect(other).not.toContain(one.slice(at, at + 6));
  });

  it("of a sender that floods go before those of others", async () => {
    const vault = await inMemory();
    const ids = await ProcessedIds.open(vault, { ofSender: 100, inAll: 10 });
    await ids.add("ann", "hers");
    for (let n = 0; n < 30; n += 1) await ids.add("mallory", String(n));
    await ids.add("bob", "his");
    expect([ids.size, ids.has("ann", "hers"), ids.has("bob", "his")]).toEqual([10, true, true]);
    expect((await vault.raw.read("processed")).length).toBe(10);
  });

  it("that a full disk refused are known to this process, and on disk with a later one", async () => {
    const disk = new DiskInMemory();
    const vault = await Vault.open(disk, "p");
    const ids = await ProcessedIds.open(vault, { ofSender: 3, inAll: 9 });
    await ids.add("ann", "1");
    disk.isFull = true;
    for (const id of ["2", "3", "4"]) await expect(ids.add("ann", id)).rejects.toThrow("no space left");
    expect(["1", "2", "3", "4"].map((id) => ids.has("ann", id))).toEqual([false, true, true, true]);
    disk.isFull = false;
    await ids.add("ann", "5");
    const again = await ProcessedIds.open(vault, { ofSender: 3, inAll: 9 });
    expect(["1", "2", "3", "4", "5"].map((id) => again.has("ann", id))).toEqual([false, false, true, true, true]);
    expect(await disk.read("processed")).toHaveLength(3);
  });
});

describe("the transcript", () => {
  it("reads the newest first, of all or of one peer, before a time", async () => {
    const vault = await inMemory();
    const transcript = await Transcript.open(vault, { entries: 600, bytes: 1e9 });
    for (let at = 1; at <= 700; at += 1) await transcript.add(transcriptEntry(at, at % 2 === 0 ? "bob" : "ann"));
    const again = await Transcript.open(vault);
    const read = async (range: Parameters<Transcript["read"]>[0]) => (await again.read(range)).map(({ at }) => at);
    expect(await read({ limit: 3 })).toEqual([700, 699, 698]);
    expect(await read({ peer: "ann", before: 105 })).toEqual([103, 101]);
    expect((await read({ limit: 1_000 })).length).toBe(600);
    expect((await read({})).length).toBe(100);
  });

  it("has a transcript whose oldest entries go: it holds so many bytes as it says, as they lie on the disk", async () => {
    const vault = await inMemory();
    const transcript = await Transcript.open(vault, { entries: 100, bytes: 10_000 });
    for (let at = 1; at <= 20; at += 1) await transcript.add(transcriptEntry(at, "bob", "é".repeat(1_000)));
    const rows = await vault.raw.read("transcript");
    const bytes = rows.reduce((sum, [, value]) => sum + value.length, 0);
    expect(rows).toHaveLength(4);
    expect(bytes).toBeLessThan(10_000);
    expect((await (await Transcript.open(vault)).read()).map(({ at }) => at)).toEqual([20, 19, 18, 17]);
  });

  it("goes on when the disk was full: without what was refused, and within its bounds", async () => {
    const disk = new DiskInMemory();
    const vault = await Vault.open(disk, "p");
    const transcript = await Transcript.open(vault, { entries: 2, bytes: 1e6 });
    for (const at of [1, 2]) await transcript.add(transcriptEntry(at));
    disk.isFull = true;
    for (const at of [3, 4]) await expect(transcript.add(transcriptEntry(at))).rejects.toThrow("no space left");
    disk.isFull = false;
    await transcript.add(transcriptEntry(5));
    await transcript.add(transcriptEntry(6));
    expect((await transcript.read()).map(({ at }) => at)).toEqual([6, 5]);
    expect(await disk.read("transcript")).toHaveLength(2);
  });
});

describe("messages that wait", () => {
  it("come back in their order, until they are removed", async () => {
    const vault = await inMemory();
    const messages = await VaultMessages.open(vault);
    for (const seq of [9, 10, 11]) await messages.put(keptMessage(seq));
    await messages.remove(["m10", "unknown"]);
    expect((await VaultMessages.open(vault)).all()).toEqual([keptMessage(9), keptMessage(11)]);
  });

  it("that a full disk refuses are not kept, and what could not be removed still is", async () => {
    const disk = new DiskInMemory();
    const vault = await Vault.open(disk, "p");
    const messages = await VaultMessages.open(vault);
    await messages.put(keptMessage(1));
    disk.isFull = true;
    await expect(messages.put(keptMessage(2))).rejects.toThrow("no space left");
    await expect(messages.remove(["m1"])).rejects.toThrow("no space left");
    expect(messages.all()).toEqual([keptMessage(1)]);
    disk.isFull = false;
    await messages.remove(["m1"]);
    expect(await disk.read("kept")).toEqual([]);
  });

  it("are refused by the outbox when the disk is full, those before them stay, and it goes on afterwards", async () => {
    const disk = new DiskInMemory();
    const vault = await Vault.open(disk, "p");
    const outboxOn = async (): Promise<Outbox> => {
      const outbox = new Outbox({
        agentId: "ada",
        clock: new FakeClock(),
        conversations: {
          offer: () => ({}),
          state: () => "none",
          mode: () => undefined,
          seal: () => {
            throw new NotReady("there is no key");
          },
          renew: () => undefined,
        },
        kept: await VaultMessages.open(vault),
        now: () => 1,
        newId: () => "id",
        write: () => false,
        tell: () => undefined,
        problem: () => undefined,
      });
      await outbox.open();
      return outbox;
    };
    const outbox = await outboxOn();
    const say = (id: number): Promise<void> => outbox.add({ ...keptMessage(id), messageId: `m${id}` });
    await say(1);
    disk.isFull = true;
    const refused = await Promise.allSettled([say(2), say(3)]);
    expect(refused.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    disk.isFull = false;
    await say(4);
    expect(outbox.size).toBe(2);
    outbox.close();
    const again = await outboxOn();
    expect([again.size, (await VaultMessages.open(vault)).all().map(({ messageId }) => messageId)]).toEqual([
      2,
      ["m1", "m4"],
    ]);
    again.close();
  });
});
