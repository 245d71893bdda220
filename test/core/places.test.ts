import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { networkOf, Places } from "../../src/core/index.js";

function open(max: number): { readonly places: Places<string>; readonly evicted: string[] } {
  const evicted: string[] = [];
  const places = new Places<string>(
    () => max,
    (item) => evicted.push(item),
  );
  return { places, evicted };
}

describe("places of strangers", () => {
  it("are so many; one that is given back can be taken again", () => {
    const { places, evicted } = open(2);
    expect(["a1", "a2", "a3"].map((item) => places.take(item, "192.0.2.1"))).toEqual([true, true, false]);
    expect(places.take("a1", "192.0.2.1")).toBe(true);
    expect(places.size).toBe(2);
    places.leave("a1");
    places.leave("a1");
    expect(places.take("a3", "192.0.2.1")).toBe(true);
    expect([places.size, evicted]).toEqual([2, []]);
  });

  it("that one address has taken make room for another, the oldest first, until both have as many", () => {
    const { places, evicted } = open(4);
    for (const item of ["a1", "a2", "a3", "a4"]) places.take(item, "192.0.2.1");
    expect(["b1", "b2", "b3"].map((item) => places.take(item, "192.0.2.2"))).toEqual([true, true, false]);
    expect(evicted).toEqual(["a1", "a2"]);
    expect(places.take("a5", "192.0.2.1")).toBe(false);
  });

  it("are found by an address that has none, also when all the others have one each", () => {
    const { places, evicted } = open(3);
    for (const at of [1, 2, 3, 4, 5]) expect(places.take(`of ${at}`, `192.0.2.${at}`)).toBe(true);
    expect(evicted).toEqual(["of 1", "of 2"]);
  });

  it("count together for a network of IPv6", () => {
    const { places, evicted } = open(2);
    places.take("one", "2001:db8::1");
    places.take("two", "2001:db8::ffff:2");
    expect(places.take("three", "2001:db8::3")).toBe(false);
    expect(places.take("other", "2001:db8:0:1::1")).toBe(true);
    expect(evicted).toEqual(["one"]);
  });

  it("that are charged to nobody never make room, and find some", () => {
    const { places, evicted } = open(2);
    places.take("a1", "192.0.2.1");
    expect([places.take("own 1", undefined), places.take("own 2", undefined)]).toEqual([true, true]);
    expect(evicted).toEqual(["a1"]);
    expect([places.take("own 3", undefined), places.take("b1", "192.0.2.2")]).toEqual([false, false]);
    expect([places.take("own 3", undefined, 1), places.take("own 4", undefined, 1)]).toEqual([true, false]);
    expect([places.size, evicted]).toEqual([3, ["a1"]]);
  });

  it("are charged to an address that becomes known later, with its newest", () => {
    const { places, evicted } = open(3);
    for (const item of ["1", "2", "3"]) places.take(item, undefined);
    for (const item of ["2", "1", "gone"]) places.charge(item, "192.0.2.1");
    places.take("b1", "192.0.2.2");
    expect([places.size, evicted]).toEqual([3, ["2"]]);
    places.charge("1", "192.0.2.2");
    places.take("c1", "192.0.2.3");
    expect([places.size, evicted]).toEqual([3, ["2", "b1"]]);
  });

  it("are never more than there are, and whoever has none finds one unless nobody can be asked to make room", () => {
    const addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", undefined];
    const step = fc.record({ address: fc.constantFrom(...addresses), leaves: fc.boolean(), at: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const taken = new Map<number, string | undefined>();
        const places = new Places<number>(
          () => 5,
          (item) => taken.delete(item),
        );
        steps.forEach(({ address, leaves, at }, item) => {
          const given = [...taken.keys()][at];
          if (leaves && given !== undefined) {
            places.leave(given);
            taken.delete(given);
            return;
          }
          const networks = [...taken.values()].map((one) => (one === undefined ? one : networkOf(one)));
          const isNew = address === undefined || !networks.includes(networkOf(address));
          const got = places.take(item, address);
          if (got) taken.set(item, address);
          if (isNew && (networks.length < 5 || networks.some((one) => one !== undefined))) expect(got).toBe(true);
          expect(places.size).toBe(taken.size);
          expect(places.size).toBeLessThanOrEqual(5);
        });
      }),
    );
  });
});
