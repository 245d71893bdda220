import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import {
  gapMs,
  heldMax,
  InOrder,
  rememberedMax,
  repeatsMax,
  type OrderPorts,
  type Taken,
} from "../../../../clients/typescript/agent-network/conversations/in-order.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";

const bytes = 100;

describe("the order of a conversation", () => {
  let clock: FakeClock;
  let released: Taken<number>[];
  let held: number;
  let roomBytes: number;
  let processed: Set<string>;
  let order: InOrder<number>;
  const marks: string[] = [];
  beforeEach(() => {
    clock = new FakeClock();
    released = [];
    held = 0;
    roomBytes = Infinity;
    processed = new Set();
    order = new InOrder(ports());
  });

  function ports(): OrderPorts<number> {
    return {
      clock,
      mark: (id) => {
        marks.push(id);
        return marks.indexOf(id);
      },
      isProcessed: (id) => processed.has(id),
      take: (size) => {
        if (held + size > roomBytes) return false;
        held += size;
        return true;
      },
      give: (size) => {
        held -= size;
      },
      release: (taken) => released.push(taken),
    };
  }
  const take = (counter: number, id = `m${counter}`): Taken<number> => order.take(counter, id, counter, bytes);
  const handed = (taken: Taken<number> | undefined): readonly number[] => taken?.handed.map(({ item }) => item) ?? [];

  it("hands over at once what comes in its order", () => {
    expect([1, 2, 3].map((counter) => handed(take(counter)))).toEqual([[1], [2], [3]]);
    expect(clock.waiting).toBe(0);
  });

  it("holds back what comes too early, until what is missing has come", () => {
    expect([3, 2, 5].map((counter) => handed(take(counter)))).toEqual([[], [], []]);
    expect(handed(take(1))).toEqual([1, 2, 3]);
    expect(handed(take(4))).toEqual([4, 5]);
    expect([held, clock.waiting]).toEqual([0, 0]);
  });

  it("gives up what is missing after 60 s, tells the gap, and marks what comes of it as late", () => {
    take(1);
    take(4);
    clock.advance(gapMs - 1);
    expect(released).toEqual([]);
    clock.advance(1);
    expect(released).toEqual([{ handed: [{ item: 4, counter: 4 }], gaps: [{ from: 2, to: 3 }] }]);
    expect(take(3)).toEqual({ handed: [{ item: 3, counter: 3, late: true }], gaps: [] });
    expect(take(3, "other").refused).toBe("counter-reused");
    expect(handed(take(5))).toEqual([5]);
    expect(clock.waiting).toBe(0);
  });

  it("waits 60 s for each missing one, counted from what came first behind it", () => {
    take(2);
    clock.advance(40_000);
    take(5);
    clock.advance(20_000);
    expect(released.map(({ gaps }) => gaps)).toEqual([[{ from: 1, to: 1 }]]);
    clock.advance(40_000);
    expect(released.map(({ gaps }) => gaps)).toEqual([[{ from: 1, to: 1 }], [{ from: 3, to: 4 }]]);
  });

  it(`gives up what is missing when ${heldMax} wait for it and one more comes`, () => {
    for (let counter = 2; counter <= heldMax + 1; counter += 1) expect(handed(take(counter))).toEqual([]);
    const taken = take(heldMax + 3);
    expect(taken.gaps).toEqual([{ from: 1, to: 1 }]);
    expect(handed(taken)).toEqual(Array.from({ length: heldMax }, (_, at) => at + 2));
    expect(handed(take(heldMax + 2))).toEqual([heldMax + 2, heldMax + 3]);
  });

  it("waits for nothing where there is no room to hold what came", () => {
    roomBytes = 2 * bytes;
    expect([3, 5].map((counter) => handed(take(counter)))).toEqual([[], []]);
    const taken = take(7);
    expect([handed(taken), taken.gaps.length]).toEqual([[3, 5, 7], 3]);
    expect([held, clock.waiting]).toEqual([0, 0]);
  });

  it("knows the identical frame from another one in its place", () => {
    take(1);
    take(3);
    expect(take(1)).toEqual({ handed: [{ item: 1, counter: 1, repeated: true }], gaps: [] });
    expect(take(3)).toEqual({ handed: [], gaps: [] });
    expect([take(1, "other").refused, take(3, "other").refused]).toEqual(["counter-reused", "counter-reused"]);
  });

  it("refuses a frame that comes more often than any sender repeats it", () => {
    for (let times = 0; times < repeatsMax; times += 1) expect(take(1).refused).toBeUndefined();
    expect(take(1)).toEqual({ handed: [], gaps: [], refused: "replayed" });
  });

  it("asks what was processed about places that it does not remember any more", () => {
    for (let counter = 1; counter <= rememberedMax + 1; counter += 1) take(counter);
    expect(take(1).refused).toBe("counter-reused");
    processed.add("m1");
    expect(take(1)).toEqual({ handed: [{ item: 1, counter: 1, repeated: true }], gaps: [] });
    expect(take(2, "m2").refused).toBeUndefined();
  });

  it("takes a counter that jumps as far as it can for one gap", () => {
    take(1);
    take(Number.MAX_SAFE_INTEGER - 1);
    clock.advance(gapMs);
    expect(released[0]?.gaps).toEqual([{ from: 2, to: Number.MAX_SAFE_INTEGER - 2 }]);
    expect(take(1_000_000).handed).toEqual([{ item: 1_000_000, counter: 1_000_000, late: true }]);
  });

  it("hands over at its end what nobody else has said, and tells no gap where all was said elsewhere", () => {
    take(2, "two");
    expect(order.end((id) => id === "two")).toEqual({ handed: [], gaps: [] });
    take(5, "five");
    expect(order.end(() => false)).toEqual({
      handed: [{ item: 5, counter: 5, late: true }],
      gaps: [{ from: 1, to: 4 }],
    });
    expect(held).toBe(0);
  });

  it("waits for its end alone once there is a newer key", () => {
    take(2);
    order.replaced();
    expect(clock.waiting).toBe(0);
    take(3);
    expect([clock.waiting, handed(take(1))]).toEqual([0, [1, 2, 3]]);
  });

  it("holds nothing and waits for nothing once it is closed", () => {
    take(2);
    order.close();
    expect([held, clock.waiting]).toEqual([0, 0]);
  });

  it("hands over every message once and in order, however the line shuffles within the window", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(60).keys()], { minLength: 60 }), (places) => {
        order = new InOrder(ports());
        const all = places.flatMap((place) => handed(take(place + 1)));
        expect(all).toEqual([...places].map((place) => place + 1).sort((one, other) => one - other));
      }),
    );
  });

  it("hands over each message once at most, and all that came, whatever comes and whenever", () => {
    const step = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant("minute" as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        order = new InOrder(ports());
        released = [];
        const fresh: number[] = [];
        const note = (taken: Taken<number>): void => {
          fresh.push(...taken.handed.filter(({ repeated }) => repeated !== true).map(({ item }) => item));
        };
        for (const what of steps) {
          if (what === "minute") clock.advance(gapMs);
          else note(take(what));
          released.splice(0).forEach(note);
        }
        clock.advance(gapMs);
        released.splice(0).forEach(note);
        expect(new Set(fresh)).toEqual(new Set(steps.filter((what) => what !== "minute")));
        expect(fresh.length).toBe(new Set(fresh).size);
        order.close();
      }),
    );
  });
});
