import fc from "fast-check";
import { expect, it } from "vitest";
import { ClaimedRooms } from "../../src/directory/holders.js";

it("knows who holds the most and what it has had for longest, as counting would tell", () => {
  const step = fc.record({ thing: fc.nat(7), holder: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(3), (steps, least) => {
      const holders = new ClaimedRooms<number>();
      const naive = new Map<number, string>();
      for (const { thing, holder } of steps) {
        holders.set(thing, holder);
        if (naive.get(thing) === holder) continue;
        naive.delete(thing);
        if (holder !== undefined) naive.set(thing, holder);
      }
      const held = (name: string): readonly number[] =>
        [...naive].filter(([, holder]) => holder === name).map(([thing]) => thing);
      const all = ["a", "b", "c"].map(held);
      const most = Math.max(...all.map(({ length }) => length));
      expect(["a", "b", "c"].map((name) => holders.count(name))).toEqual(all.map(({ length }) => length));
      const found = holders.oldestOfLargest(least);
      if (most <= least) expect(found).toBeUndefined();
      else expect(all.filter(({ length }) => length === most).map(([longest]) => longest)).toContain(found);
    }),
  );
});
