import { describe, expect, it } from "vitest";
import { BacklogTotal, Flusher, Ledger, type Backlog } from "../../src/core/index.js";

class Holder implements Backlog {
  buffered = 0;
  evicted = 0;
  readonly #total: BacklogTotal;

  constructor(total: BacklogTotal) {
    this.#total = total;
  }

  take(size: number): void {
    this.buffered += size;
    this.#total.take(this, size);
  }

  give(size: number): void {
    this.buffered -= size;
    this.#total.release(size);
  }

  evict(): void {
    this.evicted += 1;
    this.give(this.buffered);
  }
}

describe("the backlog of all connections", () => {
  it("evicts the largest when all together hold too much, and nobody else", async () => {
    const ledger = new Ledger();
    const total = new BacklogTotal(100, ledger);
    const [small, large, newest] = [new Holder(total), new Holder(total), new Holder(total)];
    small.take(20);
    large.take(70);
    newest.take(11);
    expect(large.evicted).toBe(0); // not in the middle of a delivery
    await Promise.resolve();
    expect([small.evicted, large.evicted, newest.evicted]).toEqual([0, 1, 0]);
    expect([total.bytes, ledger.reasons["evicted-largest-backlog"]]).toEqual([31, 1]);
  });

  it("evicts nobody when the bytes have left by then, and nobody at the limit itself", async () => {
    const total = new BacklogTotal(100, new Ledger());
    const holder = new Holder(total);
    holder.take(101);
    holder.give(1);
    await Promise.resolve();
    expect(holder.evicted).toBe(0);
  });

  it("forgets whoever has left, and evicts nobody who holds nothing", async () => {
    const total = new BacklogTotal(10, new Ledger());
    const [gone, empty, late] = [new Holder(total), new Holder(total), new Holder(total)];
    gone.take(20);
    total.leave(gone);
    empty.take(1);
    empty.give(1);
    await Promise.resolve();
    expect([gone.evicted, empty.evicted]).toEqual([0, 0]);
    late.take(5);
    await Promise.resolve();
    expect([gone.evicted, empty.evicted, late.evicted]).toEqual([0, 0, 1]);
  });

  it("counts once what several hold, until the last of them has let it go", async () => {
    const total = new BacklogTotal(100, new Ledger());
    const shared = Buffer.alloc(60);
    const holders = Array.from({ length: 50 }, () => new Holder(total));
    for (const holder of holders) {
      holder.buffered += 60;
      total.hold(holder, 60, shared);
    }
    await Promise.resolve();
    expect([total.bytes, holders.some(({ evicted }) => evicted > 0)]).toEqual([60, false]);
    for (const holder of holders) {
      expect(total.bytes).toBe(60);
      holder.buffered -= 60;
      total.drop(shared);
    }
    expect(total.bytes).toBe(0);
  });

  it("evicts, in several turns, all who share what is too much, and nobody who holds less", async () => {
    const total = new BacklogTotal(100, new Ledger());
    const small = new Holder(total);
    small.take(50);
    const shared = [Buffer.alloc(30), Buffer.alloc(40)];
    const holders = Array.from({ length: 50 }, () => {
      const holder = new Holder(total);
      holder.evict = () => {
        holder.evicted += 1;
        for (const buffer of shared) total.drop(buffer);
        holder.buffered = 0;
      };
      for (const buffer of shared) {
        holder.buffered += buffer.length;
        total.hold(holder, buffer.length, buffer);
      }
      return holder;
    });
    await Promise.resolve();
    expect(holders.filter(({ evicted }) => evicted > 0)).toHaveLength(16);
    while (total.bytes > 100) await new Promise(setImmediate);
    expect(holders.every(({ evicted }) => evicted === 1)).toBe(true);
    expect([total.bytes, small.evicted]).toEqual([50, 0]);
  });

  it("can evict again, one at a time", async () => {
    const total = new BacklogTotal(10, new Ledger());
    const holders = [new Holder(total), new Holder(total)];
    for (let round = 1; round <= 2; round += 1) {
      for (const holder of holders) holder.take(9);
      await Promise.resolve();
      expect(holders.reduce((sum, { evicted }) => sum + evicted, 0)).toBe(round);
      for (const holder of holders) holder.give(holder.buffered);
    }
    expect(total.bytes).toBe(0);
  });
});

describe("the flusher", () => {
  it("flushes what was marked once, at the end of the tick, in order", async () => {
    const flusher = new Flusher();
    const log: string[] = [];
    flusher.mark({ flush: () => log.push("one") }, "few");
    flusher.mark({ flush: () => log.push("two") }, "few");
    expect(log).toEqual([]);
    await new Promise(setImmediate);
    expect(log).toEqual(["one", "two"]);
    flusher.flush();
    expect(log).toEqual(["one", "two"]);
  });

  it("leaves what is marked while it flushes to the next tick", async () => {
    const flusher = new Flusher();
    const log: string[] = [];
    flusher.mark(
      {
        flush: () => {
          log.push("one");
          flusher.mark({ flush: () => log.push("two") }, "few");
          return 0;
        },
      },
      "few",
    );
    flusher.flush();
    expect(log).toEqual(["one"]);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(log).toEqual(["one", "two"]);
  });

  it("takes large messages for a crowd from the 65th socket on, until the tick is over", async () => {
    const flusher = new Flusher();
    const large = Buffer.alloc(1_000_000);
    const counted = Array.from({ length: 100 }, () => flusher.isForCrowd(large, 0));
    expect(counted.filter((isForCrowd) => !isForCrowd)).toHaveLength(64);
    expect(flusher.isForCrowd(Buffer.alloc(10), 0), "other bytes").toBe(false);
    expect(flusher.isForCrowd(large, 100), "another part").toBe(false);
    for (let at = 0; at < 70; at += 1) flusher.isForCrowd(large, 0);
    flusher.mark({ flush: () => 0 }, "few");
    await new Promise(setImmediate);
    expect(flusher.isForCrowd(large, 0)).toBe(false);
  });

  it("writes to a crowd behind what others get, and to all of it in the end", async () => {
    const flusher = new Flusher();
    const log: string[] = [];
    const slow = (name: string) => ({
      flush(): number {
        const end = performance.now() + 1;
        while (performance.now() < end);
        return log.push(name);
      },
    });
    for (let at = 0; at < 200; at += 1) flusher.mark(slow(`crowd ${String(at)}`), at < 64 ? "few" : "crowd");
    flusher.mark(slow("answer"), "few");
    while (!log.includes("answer")) flusher.flush();
    expect(log.length, "64 that come first, and 16 of the others in each turn").toBeLessThan(200);
    expect(flusher.isBehind).toBe(true);
    flusher.mark(slow("later answer"), "few");
    flusher.flush();
    expect(log).toContain("later answer");
    expect(log.length).toBeLessThan(202);
    while (log.length < 202) await new Promise(setImmediate);
    expect(flusher.isBehind).toBe(false);
    expect(new Set(log)).toEqual(
      new Set(["answer", "later answer", ...Array.from({ length: 200 }, (_, at) => `crowd ${String(at)}`)]),
    );
  });
});
