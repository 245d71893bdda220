import { describe, expect, it } from "vitest";
import { Proofs } from "../../src/core/index.js";
import { letters, QueueSetup } from "../kit/queue-setup.js";

interface Setup {
  readonly proofs: Proofs;
  readonly time: { now: number };
  /** The marks of the pings so far. */
  readonly pings: Buffer[];
  readonly told: string[];
  readonly ask: (who: string) => void;
}

function open(askersMax = 10): Setup {
  const time = { now: 1_000 };
  const pings: Buffer[] = [];
  const told: string[] = [];
  const proofs = new Proofs({
    monotonic: () => time.now,
    newMark: () => Buffer.from(`mark ${String(pings.length)}`),
    ping: (mark) => pings.push(mark),
    askersMax,
  });
  const askers = new Map<string, object>();
  const ask = (who: string): void => {
    const asker = askers.get(who) ?? {};
    askers.set(who, asker);
    proofs.ask(asker, (tookMs) => told.push(`${who} ${String(tookMs)}`));
  };
  return { proofs, time, pings, told, ask };
}

describe("proofs", () => {
  it("tell how long the answer took, once, and only to the mark of the ping", () => {
    const { proofs, time, pings, told, ask } = open();
    ask("box");
    time.now += 250;
    for (const wrong of ["", "mark 1", "mark 0 ", "mark "]) expect(proofs.answer(Buffer.from(wrong))).toBe(false);
    expect([proofs.isOpen, told]).toEqual([true, []]);
    expect(proofs.answer(Buffer.from("mark 0"))).toBe(true);
    expect(proofs.answer(Buffer.from("mark 0"))).toBe(false);
    expect([proofs.isOpen, told, pings.length]).toEqual([false, ["box 250"], 1]);
  });

  it("take no answer that comes before the question", () => {
    const { proofs, told, ask } = open();
    expect(proofs.answer(Buffer.from("mark 0"))).toBe(false);
    proofs.answered();
    ask("box");
    expect([proofs.isOpen, told]).toEqual([true, []]);
  });

  it("have one ping under way; whoever asks meanwhile shares the next one, whose time is its own", () => {
    const { proofs, time, pings, told, ask } = open();
    ask("first");
    ask("second");
    ask("third");
    expect(pings).toHaveLength(1);
    time.now += 5_000;
    proofs.answer(Buffer.from("mark 0"));
    expect([told, pings.length, proofs.isOpen]).toEqual([["first 5000"], 2, true]);
    expect(proofs.answer(Buffer.from("mark 0"))).toBe(false);
    time.now += 1;
    proofs.answer(Buffer.from("mark 1"));
    expect(told).toEqual(["first 5000", "second 1", "third 1"]);
  });

  it("send one ping for all who ask again when they are told", () => {
    const { proofs, pings, ask } = open();
    for (const who of ["first", "second"]) {
      proofs.ask({}, () => {
        ask(who);
        expect(pings).toHaveLength(who === "first" ? 1 : 2);
      });
    }
    proofs.answer(Buffer.from("mark 0"));
    proofs.answer(Buffer.from("mark 1"));
    expect(pings).toHaveLength(3);
  });

  it("ask once for each who asks: the last thing that it has asked", () => {
    const { proofs, time, told, ask, pings } = open(2);
    ask("open");
    ask("box");
    const rooms = {};
    for (let minute = 0; minute < 100; minute += 1)
      proofs.ask(rooms, (tookMs) => told.push(`rooms ${String(minute)} ${String(tookMs)}`));
    ask("open"); // a question that is out already stays
    proofs.answered();
    expect(told).toEqual(["open 0"]);
    time.now += 7;
    proofs.answered();
    expect([told, pings.length, proofs.isOpen]).toEqual([["open 0", "rooms 99 7", "open 7"], 2, false]);
  });

  it("tell all who asked, and go on asking, though telling one of them fails", () => {
    const { proofs, told, ask, pings } = open();
    const fail = (word: string): void => {
      proofs.ask({}, () => {
        ask("again");
        throw new Error(word);
      });
    };
    fail("alone");
    expect(() => proofs.answer(Buffer.from("mark 0"))).toThrow("alone");
    expect([pings.length, proofs.isOpen]).toEqual([2, true]);
    ask("before");
    fail("one");
    fail("other");
    ask("behind");
    proofs.answered();
    expect(() => {
      proofs.answered();
    }).toThrow(AggregateError);
    expect(told).toEqual(["again 0", "before 0", "behind 0"]);
    proofs.answered();
    expect([told.at(-1), pings.length, proofs.isOpen]).toEqual(["again 0", 4, false]);
  });

  it("keep as many questions as may be asked at a time, the last ones", () => {
    const { proofs, told, ask } = open(2);
    for (const who of ["open", "old", "new", "newer"]) ask(who);
    proofs.answered();
    proofs.answered();
    expect(told).toEqual(["open 0", "new 0", "newer 0"]);
  });
});

describe("a send queue to which something is handed over at its pace", () => {
  it("has room while half of it is free and the message fits in all", () => {
    const setup = new QueueSetup();
    const { queue } = setup;
    expect([10_000_000, 10_000_001].map((bytes) => queue.hasRoomFor(bytes))).toEqual([true, false]);
    setup.add(letters(5_000_000));
    expect([5_000_000, 5_000_001].map((bytes) => queue.hasRoomFor(bytes))).toEqual([true, false]);
    setup.add(letters(1));
    expect(queue.hasRoomFor(1)).toBe(false);
    setup.drain();
    expect(queue.hasRoomFor(1)).toBe(true);
    queue.close();
    expect(queue.hasRoomFor(1)).toBe(false);
  });

  it("says when all that waited has been written, whatever comes behind it", () => {
    const setup = new QueueSetup();
    const { queue, wire, flusher } = setup;
    const written: string[] = [];
    setup.add(letters(100_000), { borrow: false });
    flusher.flush();
    queue.control(letters(50));
    queue.whenWritten(() => written.push("all"));
    setup.add(letters(200_000), { borrow: false });
    flusher.flush();
    while (written.length === 0 && wire.complete(1) > 0);
    expect(written).toEqual(["all"]);
    expect(queue.buffered).toBeGreaterThan(0);
    expect(queue.buffered).toBeLessThanOrEqual(200_000);
    setup.drain();
    expect(written).toEqual(["all"]);
    queue.whenWritten(() => written.push("nothing waits"));
    expect(written).toEqual(["all", "nothing waits"]);
  });

  it.each(["fails", "is closed"])("never says so if it %s before", (end) => {
    const setup = new QueueSetup();
    const { queue, wire, flusher } = setup;
    const written: string[] = [];
    setup.add(letters(1_000));
    queue.whenWritten(() => written.push(end));
    flusher.flush();
    if (end === "fails") wire.fail();
    else queue.close();
    wire.complete();
    queue.close();
    queue.whenWritten(() => written.push(`${end} before it is asked`));
    expect(written).toEqual([]);
  });
});
