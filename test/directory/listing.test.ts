import fc from "fast-check";
import { expect, it } from "vitest";
import { ListText, ListWriting } from "../../src/core/index.js";
import { beginning, Listing } from "../../src/directory/listing.js";

it("a listing has the names that may be listed, in order, whatever has come and gone", () => {
  const name = fc.constantFrom("ada", "bob", "carol", "Zoë", "a.b", "é");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.constantFrom("come", "go", "hide", "show", "ask"))), (steps) => {
      const all = new Set<string>();
      const hidden = new Set<string>();
      const listing = new Listing();
      for (const [one, step] of steps) {
        if (step === "come") all.add(one);
        else if (step === "go") all.delete(one);
        else if (step === "hide") hidden.add(one);
        else if (step === "show") hidden.delete(one);
        else
          expect(listing.of(all, (each) => !hidden.has(each))).toEqual(
            [...all].filter((each) => !hidden.has(each)).sort(),
          );
        if (step !== "ask") listing.changed(one);
      }
    }),
  );
});

it("a listing of thousands is in order whatever has come and gone between two questions, few or many", () => {
  const step = fc.tuple(fc.integer({ min: 0, max: 2_000 }), fc.constantFrom(1, 20, 600), fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const listing = new Listing();
      const all = new Set(Array.from({ length: 1_000 }, (_, n) => `n${n * 2}`));
      const listed = (name: string): boolean => !name.endsWith("7");
      for (const [first, count, come] of steps) {
        for (let n = first; n < first + count; n += 1) {
          if (come) all.add(`n${n}`);
          else all.delete(`n${n}`);
          listing.changed(`n${n}`);
        }
        expect(listing.of(all, listed)).toEqual([...all].filter(listed).sort());
      }
    }),
    { numRuns: 50 },
  );
});

it("a listing is the same array until something has changed", () => {
  const listing = new Listing();
  const all = new Set(["b", "a"]);
  const first = listing.of(all, () => true);
  expect(listing.of(all, () => true)).toBe(first);
  listing.changed("a");
  expect(listing.of(all, () => true)).toEqual(["a", "b"]);
});

it("a list's text is written once for the same list, an item's once for the same item", () => {
  const written: number[] = [];
  const text = new ListText<{ readonly n: number }>(({ n }) => {
    written.push(n);
    return String(n);
  });
  const [one, two] = [{ n: 1 }, { n: 2 }];
  const list = [one, two];
  expect([text.of(list), text.of(list), text.of([two, one]), text.item(two), text.of([])]).toEqual([
    "[1,2]",
    "[1,2]",
    "[2,1]",
    "2",
    "[]",
  ]);
  expect(written).toEqual([1, 2]);
});

it("a list's text is written in pieces, with its separator", () => {
  const text = new ListText<{ readonly n: number }>(({ n }) => String(n), ", ");
  const list = Array.from({ length: 4_500 }, (_, n) => ({ n }));
  expect([text.advance(list), text.advance(list), text.advance(list), text.advance(list)]).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(text.joined(list)).toBe(list.map(({ n }) => String(n)).join(", "));
  expect(text.joined([])).toBe("");
});

it("a list that changes while it is written is sent as it is then, however often it changes", () => {
  const one = (n: number): { readonly n: number } => ({ n });
  const text = new ListText<{ readonly n: number }>(({ n }) => String(n));
  let now = Array.from({ length: 5_000 }, (_, n) => one(n));
  const calm = new ListWriting(() => now, text);
  expect([calm.advance(), calm.advance(), calm.advance()]).toEqual([undefined, undefined, now]);
  const hasty = new ListWriting(() => now, text);
  let steps = 0;
  let sent: readonly { readonly n: number }[] | undefined;
  while (sent === undefined) {
    now = [...now, one(5_000 + steps)];
    sent = hasty.advance();
    steps += 1;
  }
  expect(steps).toBeLessThan(8);
  expect(sent).toBe(now);
  expect(text.joined(sent)).toBe(now.map(({ n }) => String(n)).join());
});

it("the beginning of a list costs as much as is wanted of it, however long it is", () => {
  let looks = 0;
  const entryOf = (name: string): { name: string } | undefined => {
    looks += 1;
    return name.startsWith("hidden") ? undefined : { name };
  };
  const namesOf = (all: Iterable<string>): readonly [readonly string[], boolean] => {
    const { items, isAll } = beginning(all, 3, entryOf);
    return [items.map(({ name }) => name), isAll];
  };
  expect(namesOf([])).toEqual([[], true]);
  expect(namesOf(["c", "hidden", "b", "a", "hidden"])).toEqual([["a", "b", "c"], true]);
  expect(namesOf(["c", "b", "a", "d"])).toEqual([["a", "b", "c"], false]);
  const many = (prefix: string): Iterable<string> => Array.from({ length: 100_000 }, (_, n) => `${prefix}${n}`);
  looks = 0;
  expect(namesOf(many("x"))).toEqual([["x0", "x1", "x2"], false]);
  expect(looks).toBe(4);
  looks = 0;
  expect(namesOf(many("hidden"))).toEqual([[], false]);
  expect(looks).toBe(30);
});
