import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BacklogTotal, Flusher, Ledger, SendQueue, type CopyLedger } from "../../src/core/index.js";
import { FakeWire } from "../kit/fake-wire.js";

interface Setup {
  readonly queue: SendQueue;
  readonly wire: FakeWire;
  readonly ledger: Ledger;
  readonly total: BacklogTotal;
  readonly flusher: Flusher;
  readonly time: { now: number };
  /** Appends one message of these bytes. */
  readonly add: (bytes: Buffer, more?: { count?: number; observed?: boolean; borrow?: boolean }) => boolean;
}

function open(maxBytes = 1_000_000): Setup {
  const wire = new FakeWire();
  const ledger = new Ledger();
  const total = new BacklogTotal(1e9, ledger);
  const flusher = new Flusher();
  const time = { now: 0 };
  const queue = new SendQueue({
    wire,
    flusher,
    ledger,
    total,
    maxBytes,
    evict: () => undefined,
    monotonic: () => time.now,
  });
  return {
    queue,
    wire,
    ledger,
    total,
    flusher,
    time,
    add: (bytes, { count = 1, observed = false, borrow = false } = {}) =>
      queue.append(bytes, 0, bytes.length, count, observed, borrow),
  };
}

const letters = (length: number, letter = "x"): Buffer => Buffer.alloc(length, letter);
const sum = ({ written, pending, dropped }: CopyLedger): number =>
  written + pending + Object.values(dropped).reduce((one, other) => one + other, 0);

describe("a send queue", () => {
  it("writes what has gathered once at the end of the tick, in order", () => {
    const { add, wire, flusher, queue } = open();
    for (const word of ["one ", "two ", "three"]) add(Buffer.from(word));
    queue.control(Buffer.from("!"));
    expect(wire.waiting).toBe(0);
    flusher.flush();
    expect(wire.waiting).toBe(1);
    wire.complete();
    expect(String(Buffer.concat(wire.sent))).toBe("one two three!");
  });

  it("calls a copy written when the write of its last byte has completed, not before", () => {
    const { add, wire, flusher, ledger } = open();
    add(letters(10), { count: 3 });
    flusher.flush();
    expect(ledger.copies).toMatchObject({ copies: 3, written: 0, pending: 3 });
    wire.complete();
    expect(ledger.copies).toMatchObject({ copies: 3, written: 3, pending: 0 });
  });

  it("counts copies for taps apart, and control bytes not at all", () => {
    const { add, wire, flusher, ledger, queue } = open();
    add(letters(10), { observed: true, count: 2 });
    queue.control(letters(5));
    flusher.flush();
    wire.complete();
    expect(ledger.taps).toMatchObject({ copies: 2, written: 2 });
    expect(ledger.copies.copies).toBe(0);
  });

  it("drops what is beyond its limit, says so, and takes more once bytes have left", () => {
    const { add, wire, flusher, ledger, queue } = open(100);
    expect([add(letters(60)), add(letters(41), { count: 2 }), add(letters(40))]).toEqual([true, false, true]);
    expect(ledger.copies).toMatchObject({ copies: 4, pending: 2, dropped: { full: 2 } });
    expect([queue.buffered, queue.dropped]).toEqual([100, 2]);
    flusher.flush();
    expect(add(letters(1))).toBe(false);
    while (wire.complete() > 0) flusher.flush();
    expect(add(letters(100))).toBe(true);
  });

  it("takes control bytes beyond its limit: a peer must be answered to be told to go", () => {
    const { add, queue, wire, flusher } = open(10);
    add(letters(10));
    queue.control(letters(5));
    flusher.flush();
    wire.complete();
    expect(Buffer.concat(wire.sent)).toHaveLength(15);
  });

  it("copies what it holds: the source may be overwritten", () => {
    const { add, wire, flusher } = open();
    const source = Buffer.from("hello");
    add(source);
    source.fill(0);
    flusher.flush();
    wire.complete();
    expect(String(Buffer.concat(wire.sent))).toBe("hello");
  });

  it("hands borrowed bytes that are alone in their tick on as they are, and gathers them with what joins them", () => {
    const { add, wire, flusher, ledger } = open();
    const shared = letters(3_000, "a");
    add(shared, { borrow: true });
    flusher.flush();
    wire.complete();
    expect(wire.given[0]).toBe(shared);
    add(shared, { borrow: true });
    add(letters(10, "b"), { borrow: true });
    flusher.flush();
    expect(wire.given[1]).toHaveLength(3_010);
    wire.complete();
    add(shared, { borrow: true });
    add(letters(2_000, "b"), { borrow: true });
    flusher.flush();
    expect(wire.given[2]).toHaveLength(5_000);
    expect(ledger.copies).toMatchObject({ written: 3, pending: 2 });
    wire.complete();
    expect(String(Buffer.concat(wire.sent.slice(1)))).toBe(
      `${"a".repeat(3_000)}${"b".repeat(10)}${"a".repeat(3_000)}${"b".repeat(2_000)}`,
    );
    expect(ledger.copies).toMatchObject({ written: 5, pending: 0 });
  });

  it("joins frames once for all that are given the same in the same order", () => {
    const { add, wire, flusher } = open();
    const other = open();
    const late = new SendQueue({
      wire: other.wire,
      flusher,
      ledger: other.ledger,
      total: other.total,
      maxBytes: 1_000,
      evict: () => undefined,
      monotonic: () => 0,
    });
    const [one, two] = [letters(10, "1"), letters(20, "2")];
    add(one, { borrow: true });
    late.append(one, 0, 10, 1, false, true);
    add(two, { borrow: true });
    late.append(two, 0, 20, 1, false, true);
    flusher.flush();
    expect(String(wire.given[0])).toBe(`${"1".repeat(10)}${"2".repeat(20)}`);
    expect(other.wire.given[0]).toBe(wire.given[0]);
  });

  it("gives each its own where they begin alike and go on otherwise, or end earlier", () => {
    const { add, wire, flusher } = open();
    const others = [open(), open()].map(({ wire: to, ledger, total }) => ({
      to,
      queue: new SendQueue({
        wire: to,
        flusher,
        ledger,
        total,
        maxBytes: 1_000,
        evict: () => undefined,
        monotonic: () => 0,
      }),
    }));
    const [one, two, three] = [letters(10, "1"), letters(20, "2"), letters(20, "3")];
    add(one, { borrow: true });
    for (const { queue } of others) queue.append(one, 0, 10, 1, false, true);
    add(two, { borrow: true });
    others[0]?.queue.append(three, 0, 20, 1, false, true);
    others[0]?.queue.append(two, 0, 20, 1, false, true);
    flusher.flush();
    expect([wire, ...others.map(({ to }) => to)].map((to) => String(to.given[0]))).toEqual(
      [[one, two], [one, three, two], [one]].map((frames) => String(Buffer.concat(frames))),
    );
  });

  it("hands a large borrowed range on, after everything that came before it", () => {
    const { add, wire, flusher } = open();
    add(letters(10, "a"));
    add(letters(100_000, "b"), { borrow: true });
    add(letters(10, "c"));
    while ((flusher.flush(), wire.complete() > 0));
    expect(String(Buffer.concat(wire.sent))).toBe(`${"a".repeat(10)}${"b".repeat(100_000)}${"c".repeat(10)}`);
  });

  it("drops everything that has not left when it is closed, and takes nothing after", () => {
    const { add, wire, flusher, ledger, queue, total } = open();
    add(letters(10));
    flusher.flush();
    wire.complete();
    add(letters(10), { count: 2 });
    flusher.flush();
    add(letters(10), { observed: true });
    queue.close();
    queue.close();
    expect(ledger.copies).toMatchObject({ copies: 3, written: 1, pending: 0, dropped: { closed: 2 } });
    expect(ledger.taps).toMatchObject({ copies: 1, pending: 0, dropped: { closed: 1 } });
    expect([queue.buffered, total.bytes, queue.closed]).toEqual([0, 0, true]);
    wire.complete();
    expect([add(letters(10)), queue.buffered, total.bytes]).toEqual([false, 0, 0]);
    queue.control(letters(10));
    flusher.flush();
    expect(wire.waiting).toBe(0);
    expect(ledger.copies.dropped.closed).toBe(3);
  });

  it("says why copies were dropped when it is closed with a reason", () => {
    const { add, queue, ledger } = open();
    add(letters(10), { count: 4 });
    queue.close("expired");
    expect(ledger.copies.dropped).toMatchObject({ expired: 4, closed: 0 });
  });

  it("knows when it last made progress", () => {
    const { add, wire, flusher, queue, time } = open();
    time.now = 5;
    add(letters(10));
    expect(queue.progressAt).toBe(5);
    time.now = 9;
    add(letters(10));
    flusher.flush();
    expect(queue.progressAt).toBe(5);
    wire.complete();
    expect(queue.progressAt).toBe(9);
  });

  it("keeps both ledgers exact and the order whole, whatever the socket does", () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("add" as const),
          size: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1_000, max: 90_000 })),
          count: fc.integer({ min: 1, max: 3 }),
          observed: fc.boolean(),
          borrow: fc.boolean(),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant("control" as const), size: fc.integer({ min: 1, max: 20 }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("quick" as const), on: fc.boolean() }) },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant("complete" as const), count: fc.integer({ min: 1, max: 3 }) }),
      },
    );
    const end = fc.constantFrom("drain" as const, "fail" as const, "close" as const);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), end, (steps, how) => {
        const { queue, wire, ledger, total, flusher, add } = open(300_000);
        const taken: Buffer[] = [];
        let given = 0;
        const counts = { copies: 0, taps: 0 };
        const exact = (): void => {
          expect([ledger.copies.copies, ledger.taps.copies]).toEqual([counts.copies, counts.taps]);
          expect([sum(ledger.copies), sum(ledger.taps)]).toEqual([counts.copies, counts.taps]);
          // A borrowed buffer is held until all of it has left.
          const heldLonger = total.bytes - queue.buffered;
          expect(heldLonger).toBeGreaterThanOrEqual(0);
          expect(heldLonger).toBeLessThan(queue.buffered === 0 ? 1 : 90_000);
          expect(queue.buffered).toBe(
            taken.reduce((size, { length }) => size + length, 0) -
              wire.sent.reduce((size, { length }) => size + length, 0),
          );
        };
        for (const now of steps) {
          if (now.do === "flush") flusher.flush();
          else if (now.do === "quick") wire.isQuick = now.on;
          else if (now.do === "complete") wire.complete(now.count);
          else {
            const bytes = letters(now.size, String.fromCharCode(97 + ((given += 1) % 26)));
            if (now.do === "control") queue.control(bytes);
            else counts[now.observed ? "taps" : "copies"] += now.count;
            if (now.do === "control" || add(bytes, now)) taken.push(bytes);
          }
          exact();
        }
        if (how === "drain") while ((flusher.flush(), wire.complete() > 0));
        else if (how === "fail") while ((flusher.flush(), wire.waiting > 0)) wire.fail();
        if (how === "drain") {
          exact();
          expect(queue.buffered).toBe(0);
          expect(Buffer.concat(wire.sent).equals(Buffer.concat(taken))).toBe(true);
          expect(ledger.copies.written + ledger.taps.written).toBe(
            counts.copies + counts.taps - ledger.copies.dropped.full - ledger.taps.dropped.full,
          );
        }
        queue.close();
        expect([ledger.copies.pending, ledger.taps.pending, queue.buffered, total.bytes]).toEqual([0, 0, 0, 0]);
        expect([sum(ledger.copies), sum(ledger.taps)]).toEqual([counts.copies, counts.taps]);
        expect(Buffer.concat(taken).subarray(0, Buffer.concat(wire.sent).length).equals(Buffer.concat(wire.sent))).toBe(
          true,
        );
      }),
      { numRuns: 200 },
    );
  });
});
