import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { letters, QueueSetup } from "../kit/queue-setup.js";

const blockBytes = 64 * 1024;
/** The first block of a tick. */
const smallBlockBytes = 2048;

/** True if `part` lies in the memory of `whole`. */
const liesIn = (part: Buffer | undefined, whole: Buffer): boolean =>
  part?.buffer === whole.buffer && part.byteOffset >= whole.byteOffset;

describe("what a send queue copies", () => {
  it("is the range it is given, not the bytes around it, borrowed or not", () => {
    for (const borrow of [false, true]) {
      const setup = new QueueSetup();
      setup.add(Buffer.from("..hello..."), { start: 2, end: 7, borrow });
      expect([setup.queue.buffered, setup.total.bytes]).toEqual([5, 5]);
      expect(String(setup.drain())).toBe("hello");
      expect([setup.queue.buffered, setup.total.bytes]).toEqual([0, 0]);
    }
  });

  it("is control bytes, unless they are lent", () => {
    const { queue, flusher, wire } = new QueueSetup();
    const [pong, lent] = [Buffer.from("pong"), Buffer.from("PONG")];
    queue.control(pong);
    pong.fill(0);
    flusher.flush();
    expect(String(wire.given[0])).toBe("pong");
    wire.complete();
    queue.control(lent, true);
    flusher.flush();
    expect(wire.given[1]).toBe(lent);
  });

  it("is no large borrowed range while nothing waits but what has gathered: it leaves behind that, in blocks", () => {
    for (const gathered of [undefined, false, true]) {
      const setup = new QueueSetup();
      if (gathered !== undefined) setup.add(letters(10, "a"), { borrow: gathered });
      const large = letters(100_000, "b");
      setup.add(large, { observed: true });
      setup.wire.isQuick = true;
      setup.flusher.flush();
      const pieces = [blockBytes, 100_000 - blockBytes];
      expect(setup.sizes).toEqual(gathered === undefined ? pieces : [10, ...pieces]);
      expect(setup.wire.given.slice(-2).map((bytes) => liesIn(bytes, large))).toEqual([true, true]);
      expect(setup.ledger.taps.written).toBe(1);
    }
  });

  it("is a large borrowed range while a write is under way, if it is smaller than 16 KiB", () => {
    for (const size of [10_000, 16_383, 16_384]) {
      const setup = new QueueSetup();
      setup.add(letters(10_000, "a"));
      setup.flusher.flush();
      const late = letters(size, "b");
      setup.add(late);
      setup.wire.complete();
      setup.flusher.flush();
      expect(liesIn(setup.wire.given[1], late)).toBe(size >= 16_384);
      if (size < 16_384) late.fill("!");
      expect(String(setup.drain())).toBe(`${"a".repeat(10_000)}${"b".repeat(size)}`);
    }
  });

  it.each([
    { size: 4_096, of: 4_096, copied: true },
    { size: 4_097, of: 4_097, copied: false },
    { size: 5_000, of: 20_000, copied: false },
    { size: 5_000, of: 20_001, copied: true },
  ])("of $of borrowed bytes: $size leave as they are unless they are few or a small part: $copied", (range) => {
    const setup = new QueueSetup();
    const source = letters(range.of);
    setup.add(source, { start: range.of - range.size });
    setup.flusher.flush();
    expect(liesIn(setup.wire.given[0], source)).toBe(!range.copied);
    expect(setup.drain()).toHaveLength(range.size);
  });

  it("is what would make a shared run longer than 4,000 bytes", () => {
    for (const { sizes, shared } of [
      { sizes: [4_000], shared: true },
      { sizes: [4_001], shared: false },
      { sizes: [3_000, 1_000], shared: true },
      { sizes: [3_000, 1_001], shared: false },
      { sizes: [3_000, 2_000], shared: false },
    ]) {
      const one = new QueueSetup();
      const other = new QueueSetup(one.flusher);
      for (const frame of sizes.map((size) => letters(size))) for (const setup of [one, other]) setup.add(frame);
      one.flusher.flush();
      expect(one.wire.given[0] === other.wire.given[0], sizes.join()).toBe(shared);
      expect(one.drain()).toHaveLength(sizes.reduce((sum, size) => sum + size, 0));
    }
  });
});

describe("the writes of a send queue", () => {
  it("are one at a time: what comes meanwhile gathers for the next", () => {
    const setup = new QueueSetup();
    for (let tick = 0; tick < 4; tick += 1) {
      setup.add(letters(10), { borrow: false });
      setup.flusher.flush();
    }
    expect(setup.sizes).toEqual([10]);
    setup.wire.complete();
    expect(setup.sizes).toEqual([10, 30]);
    expect(setup.drain()).toHaveLength(40);
  });

  it("are asked for once in a tick", () => {
    const setup = new QueueSetup();
    const mark = vi.spyOn(setup.flusher, "mark");
    for (let tick = 1; tick < 3; tick += 1) {
      for (let n = 0; n < 5; n += 1) setup.add(letters(10), { borrow: n % 2 === 0 });
      setup.queue.control(letters(2));
      expect(mark).toHaveBeenCalledTimes(tick);
      setup.drain();
    }
  });

  it("are none for nothing", () => {
    const { queue, flusher, wire } = new QueueSetup();
    queue.control(Buffer.alloc(0));
    flusher.flush();
    expect(wire.given).toEqual([]);
  });

  it("are whole blocks, 256 KiB at a time; the block that is not full is filled on until the others have left", () => {
    const setup = new QueueSetup();
    const blocks = 6;
    setup.add(letters(smallBlockBytes + blocks * blockBytes + 10, "a"), { borrow: false });
    expect(setup.sizes).toEqual([smallBlockBytes]);
    setup.wire.complete(1);
    expect(setup.sizes.slice(1)).toEqual(Array(4).fill(blockBytes));
    setup.wire.complete(3);
    expect(setup.sizes.slice(1)).toEqual(Array(4).fill(blockBytes));
    setup.wire.complete(1);
    setup.add(letters(5, "b"), { borrow: false });
    setup.flusher.flush();
    expect(setup.sizes.slice(1)).toEqual(Array(6).fill(blockBytes));
    setup.wire.complete(2);
    expect(setup.sizes.slice(7)).toEqual([15]);
    expect(String(setup.drain().subarray(-16))).toBe(`${"a".repeat(11)}bbbbb`);
    expect(setup.ledger.copies).toMatchObject({ copies: 2, written: 2, pending: 0 });
  });

  it("go on when a peer that was slow takes all at once", async () => {
    const setup = new QueueSetup();
    setup.add(letters(20 * blockBytes));
    setup.flusher.flush();
    setup.wire.isQuick = true;
    setup.wire.complete();
    while (setup.queue.buffered > 0) await new Promise(setImmediate);
    expect(setup.drain()).toHaveLength(20 * blockBytes);
  });

  it("are 256 KiB in a turn, also to a peer that takes them at once", async () => {
    const setup = new QueueSetup();
    setup.wire.isQuick = true;
    setup.add(letters(10 * blockBytes));
    setup.flusher.flush();
    expect(setup.sizes).toHaveLength(4);
    while (setup.queue.buffered > 0) await new Promise(setImmediate);
    expect(setup.drain()).toHaveLength(10 * blockBytes);
    expect(setup.ledger.copies).toMatchObject({ copies: 1, written: 1, pending: 0 });
  });

  it("keep their order where a slow peer always has some left to take", () => {
    const setup = new QueueSetup();
    const sent: Buffer[] = [];
    for (let n = 0; n < 60; n += 1) {
      const message = letters(blockBytes, String.fromCharCode(97 + (n % 26)));
      sent.push(message);
      setup.add(message, { borrow: false });
      setup.flusher.flush();
      if (n % 3 > 0) setup.wire.complete(1);
    }
    expect(setup.wire.given.length).toBeGreaterThan(20);
    expect(setup.drain().equals(Buffer.concat(sent))).toBe(true);
    expect(setup.ledger.copies).toMatchObject({ written: 60, pending: 0 });
  });

  it("that fail drop the copies they hold, are not counted as written, and are no progress", () => {
    const setup = new QueueSetup();
    setup.add(letters(10));
    setup.add(letters(10), { observed: true });
    setup.flusher.flush();
    setup.add(letters(10));
    setup.time = 7;
    setup.wire.fail();
    expect(setup.ledger.copies).toMatchObject({ copies: 2, written: 0, pending: 1, dropped: { closed: 1 } });
    expect(setup.ledger.taps).toMatchObject({ copies: 1, written: 0, pending: 0, dropped: { closed: 1 } });
    expect([setup.queue.progressAt, setup.queue.buffered, setup.wire.given.length]).toEqual([0, 10, 1]);
  });
});

describe("the memory of a send queue", () => {
  it("is a small block for the little of a tick, also behind a run, and the pool's for more", () => {
    const setup = new QueueSetup();
    const take = vi.spyOn(setup.flusher.blocks, "take");
    const give = vi.spyOn(setup.flusher.blocks, "give");
    setup.add(letters(10), { borrow: false });
    setup.drain();
    setup.add(letters(1_000));
    setup.add(letters(10), { borrow: false });
    setup.drain();
    expect([take.mock.calls.length, give.mock.calls.length]).toEqual([0, 0]);
    setup.add(letters(smallBlockBytes));
    setup.add(letters(10), { borrow: false });
    expect(take).toHaveBeenCalledTimes(1);
    setup.drain();
    expect(give.mock.calls.map(([block]) => block === take.mock.results[0]?.value)).toEqual([true]);
  });

  it("goes back to the pool block by block once each is written, and only whole blocks do", () => {
    const setup = new QueueSetup();
    const { flusher, wire } = setup;
    const give = vi.spyOn(flusher.blocks, "give");
    setup.add(letters(smallBlockBytes + 2 * blockBytes), { borrow: false });
    wire.complete(1);
    flusher.flush();
    expect(give).not.toHaveBeenCalled();
    wire.complete(1);
    expect(give.mock.calls.map(([block]) => block.length)).toEqual([blockBytes]);
  });

  it("holds nothing of borrowed bytes that have left", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const setup = new QueueSetup();
    const left = (): WeakRef<ArrayBufferLike> => {
      const large = letters(100_000);
      setup.add(large);
      setup.drain();
      setup.wire.given.length = 0;
      setup.wire.sent.length = 0;
      return new WeakRef(large.buffer);
    };
    const lent = left();
    await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds on until its tick is over
    collect();
    expect(lent.deref()).toBeUndefined();
    expect(setup.queue.buffered).toBe(0);
  });

  it("of a run that fills a small block exactly is one write with what joins it", () => {
    const setup = new QueueSetup();
    setup.add(letters(smallBlockBytes));
    setup.add(letters(10), { borrow: false });
    expect(setup.sizes).toEqual([]);
    setup.flusher.flush();
    expect(setup.sizes).toEqual([smallBlockBytes + 10]);
  });

  it("is nothing once it is closed, whatever is given to it", () => {
    const { queue, total, flusher } = new QueueSetup();
    queue.close();
    const mark = vi.spyOn(flusher, "mark");
    queue.control(letters(10));
    expect([queue.buffered, total.bytes, mark.mock.calls.length]).toEqual([0, 0, 0]);
  });

  it("is had back by closing the connection", () => {
    const { queue, evict } = new QueueSetup();
    queue.evict();
    expect(evict).toHaveBeenCalledTimes(1);
  });
});
