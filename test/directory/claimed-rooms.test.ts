import fc from "fast-check";
import { expect, it } from "vitest";
import { ClaimedRooms } from "../../src/directory/claimed-rooms.js";

it("knows who has the most rooms and which it has had longest, as counting would tell", () => {
  const step = fc.record({ room: fc.nat(7), agent: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(3), (steps, atMost) => {
      const claimed = new ClaimedRooms<number>();
      const naive = new Map<number, string>();
      for (const { room, agent } of steps) {
        claimed.set(room, agent);
        if (naive.get(room) === agent) continue;
        naive.delete(room);
        if (agent !== undefined) naive.set(room, agent);
      }
      const roomsOf = (name: string): readonly number[] =>
        [...naive].filter(([, agent]) => agent === name).map(([room]) => room);
      const all = ["a", "b", "c"].map(roomsOf);
      const most = Math.max(...all.map(({ length }) => length));
      expect(["a", "b", "c"].map((name) => claimed.count(name))).toEqual(all.map(({ length }) => length));
      const found = claimed.oldestOfLargest(atMost);
      if (most <= atMost) expect(found).toBeUndefined();
      else expect(all.filter(({ length }) => length === most).map(([oldest]) => oldest)).toContain(found);
    }),
  );
});
