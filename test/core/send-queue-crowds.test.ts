import { describe, expect, it, vi } from "vitest";
import { BacklogTotal, Flusher, Ledger } from "../../src/core/index.js";
import { letters, QueueSetup } from "../kit/queue-setup.js";

const blockBytes = 64 * 1024;

describe("a crowd, more than 64 queues that get the same", () => {
  it("does not make one of it wait for its own answers", () => {
    const flusher = new Flusher();
    const slow = (setup: QueueSetup): QueueSetup => {
      const write = setup.wire.write.bind(setup.wire);
      setup.wire.write = (bytes, done) => {
        const end = performance.now() + 1;
        while (performance.now() < end);
        write(bytes, done);
      };
      return setup;
    };
    const crowd = Array.from({ length: 300 }, () => slow(new QueueSetup(flusher)));
    for (const text of ["to all", "and again"]) {
      const bytes = Buffer.from(text);
      for (const setup of crowd) setup.add(bytes);
    }
    const [answered, addressed] = [crowd[250], crowd[251]];
    answered?.queue.control(Buffer.from("pong"));
    addressed?.add(Buffer.from("to you"));
    for (let at = 0; at < 8; at += 1) flusher.flush();
    expect(answered?.wire.given.join()).toBe("to alland againpong");
    expect(addressed?.wire.given.join()).toBe("to alland againto you");
    expect(crowd.filter(({ wire }) => wire.given.length > 0).length, "most of the crowd waits").toBeLessThan(250);
    for (let at = 0; at < 300; at += 1) flusher.flush();
    expect(
      crowd.every(({ wire }) => wire.given.length === 1),
      "once each",
    ).toBe(true);
  });

  it("may be stuck from when something began to wait for it, shared or lent, and not from its last write", () => {
    for (const size of [100, 100_000]) {
      const flusher = new Flusher();
      const crowd = Array.from({ length: 66 }, () => new QueueSetup(flusher));
      for (const time of [50, 90]) {
        const bytes = letters(size);
        for (const setup of crowd) {
          setup.time = time;
          setup.add(bytes);
        }
        expect(crowd.map(({ queue }) => queue.progressAt)).toEqual(crowd.map(() => 50));
      }
    }
  });

  it("is written its large blocks in turns", () => {
    const flusher = new Flusher();
    const crowd = Array.from({ length: 100 }, () => new QueueSetup(flusher));
    for (let at = 0; at < 5; at += 1) {
      const bytes = Buffer.alloc(3 * 16_384, at);
      for (const setup of crowd) setup.add(bytes, { borrow: false });
    }
    const written = crowd.filter(({ wire }) => wire.given.length > 0).length;
    expect(written, "those who are not of the crowd").toBe(64);
    for (const setup of crowd) expect(setup.drain()).toHaveLength(5 * 3 * 16_384);
  });

  it("is written one block at a time, and the next in its turn", () => {
    const flusher = new Flusher();
    const crowd = Array.from({ length: 65 }, () => new QueueSetup(flusher));
    const large = letters(3 * blockBytes + 10);
    for (const setup of crowd) setup.add(large);
    const last = crowd[64];
    for (let at = 0; at < 4; at += 1) {
      while (last?.sizes.length === at) flusher.flush();
      expect(last?.sizes).toEqual([blockBytes, blockBytes, blockBytes, 10].slice(0, at + 1));
      last?.wire.complete();
      expect(last?.sizes, "not before others had their turn").toHaveLength(at + 1);
    }
    expect(last?.queue.buffered).toBe(0);
    for (const setup of crowd) expect(setup.drain()).toHaveLength(large.length);
  });

  it("shares one run, up to 64 KiB", () => {
    const flusher = new Flusher();
    const crowd = Array.from({ length: 100 }, () => new QueueSetup(flusher));
    const take = vi.spyOn(flusher.blocks, "take");
    for (let at = 0; at < 16; at += 1) {
      const frame = letters(4_001);
      for (const setup of crowd) setup.add(frame);
    }
    const blocks = take.mock.calls.length;
    while (crowd.some(({ wire }) => wire.given.length === 0)) flusher.flush();
    const [first, ...others] = crowd.slice(64).map(({ wire }) => wire.given[0]);
    expect(first).toHaveLength(16 * 4_001);
    expect(others.every((bytes) => bytes === first)).toBe(true);
    expect(blocks, "only for those who are not of the crowd").toBeLessThanOrEqual(2 * 64);
    for (const setup of crowd.slice(64)) setup.add(letters(65_536));
    for (const setup of crowd) expect(setup.drain().length).toBeGreaterThanOrEqual(16 * 4_001);
  });

  it.each(["written", "closed", "made its own by what follows", "left unwritten"])(
    "counts what it shares once, when it is %s",
    async (how) => {
      const [flusher, ledger] = [new Flusher(), new Ledger()];
      const total = new BacklogTotal(64 * 64_016 + 70_000, ledger);
      const crowd = Array.from({ length: 300 }, () => new QueueSetup(flusher, total));
      for (let at = 0; at < 16; at += 1) {
        const frame = letters(4_001);
        for (const setup of crowd) setup.add(frame);
      }
      await Promise.resolve();
      expect(ledger.reasons["evicted-largest-backlog"], "64 of them have it for themselves").toBeUndefined();
      if (how === "made its own by what follows") {
        crowd[299]?.queue.control(letters(10));
        expect(crowd[299]?.queue.buffered).toBe(16 * 4_001 + 10);
      }
      if (how !== "left unwritten") while (crowd.some(({ wire }) => wire.given.length === 0)) flusher.flush();
      if (how.startsWith("written")) expect(total.bytes).toBeLessThan(64 * 64_016 + 70_000);
      for (const setup of crowd)
        if (how === "closed" || how === "left unwritten") setup.queue.close();
        else expect(setup.drain().length).toBeGreaterThanOrEqual(16 * 4_001);
      expect(total.bytes).toBe(0);
    },
  );
});
