import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { defaultLimits, type Limits } from "../../src/core/index.js";
import { ContactBook, type ContactEvent, type ContactRow } from "../../src/directory/contact-book.js";
import { ContactNames, type SeenRow } from "../../src/directory/contact-names.js";
import { TablesMemory } from "../../src/storage/table-memory.js";
import type { Table } from "../../src/storage/table.js";

let tables: TablesMemory;
let table: Table<ContactRow>;
let events: ContactEvent[];
const clock = new FakeClock();
beforeEach(() => {
  tables = new TablesMemory();
  table = tables.table("contacts");
  events = [];
});

function open(limits: Partial<Limits> = {}): ContactBook {
  const book = new ContactBook({ ...defaultLimits, ...limits }, clock, (event) => events.push(event));
  book.load(table);
  return book;
}

describe("the book of contacts", () => {
  it("holds pairs both ways, over a restart, and tells the audit log of each change", async () => {
    const book = open();
    expect([await book.add("bob", "ada", "operator"), await book.add("ada", "bob", "operator")]).toEqual([true, false]);
    for (const one of [book, open()]) expect([one.has("ada", "bob"), one.has("bob", "ada")]).toEqual([true, true]);
    expect(await book.remove("ada", "bob", "operator")).toBe(true);
    expect(await book.remove("ada", "bob", "operator")).toBe(false);
    for (const one of [book, open()]) expect([one.has("ada", "bob"), one.size]).toEqual([false, 0]);
    expect(events).toEqual([
      { event: "contacts.added", agents: ["bob", "ada"], by: "operator" },
      { event: "contacts.removed", agents: ["ada", "bob"], by: "operator" },
    ]);
  });

  it("counts an approval once it is on the disk, and a removal at once", async () => {
    const book = open();
    let written: () => void = () => undefined;
    const put = table.put.bind(table);
    table.put = (key, row) => new Promise((resolve) => (written = () => void put(key, row).then(resolve)));
    const added = book.add("ada", "bob", "operator");
    await Promise.resolve();
    await Promise.resolve();
    expect(book.has("ada", "bob")).toBe(false);
    written();
    await added;
    expect(book.has("ada", "bob")).toBe(true);
    table.delete = () => new Promise(() => undefined);
    void book.remove("ada", "bob", "operator");
    await Promise.resolve();
    await Promise.resolve();
    expect(book.has("ada", "bob")).toBe(false);
  });

  it("is as it was where the disk does not take a change, and can be tried again", async () => {
    const book = open();
    const [put, remove] = [table.put.bind(table), table.delete.bind(table)];
    table.put = () => Promise.reject(new Error("full"));
    await expect(book.add("ada", "bob", "operator")).rejects.toThrow("full");
    expect([book.has("ada", "bob"), book.size]).toEqual([false, 0]);
    table.put = put;
    await book.add("ada", "bob", "operator");
    table.delete = () => Promise.reject(new Error("full"));
    await expect(book.remove("ada", "bob", "operator")).rejects.toThrow("full");
    table.delete = remove;
    expect(await book.remove("ada", "bob", "operator")).toBe(true);
    expect(open().has("ada", "bob")).toBe(false);
  });

  it.each([
    ["", "bob"],
    ["ada", "#room"],
    ["ada", "$broker"],
    ["ada\0", "bob"],
    ["ada", "all"],
    ["ada", "ada"],
    ["ada", "x".repeat(129)],
  ])("takes no pair %j and %j", async (one, other) => {
    const book = open();
    await expect(book.add(one, other, "operator")).rejects.toMatchObject({ code: "malformed" });
    await expect(book.remove(one, other, "operator")).rejects.toMatchObject({ code: "malformed" });
    expect(book.size).toBe(0);
  });

  it("has room for so many of one agent, and of all", async () => {
    const book = open({ contactsPerAgentMax: 2, contactsMax: 3 });
    for (const other of ["b", "c"]) await book.add("a", other, "operator");
    await expect(book.add("d", "a", "operator")).rejects.toMatchObject({ code: "full" });
    await book.add("b", "c", "operator");
    await expect(book.add("x", "y", "operator")).rejects.toMatchObject({ code: "full" });
    expect(await book.add("a", "b", "operator"), "one that is there needs no room").toBe(false);
    await book.remove("a", "c", "operator");
    expect(await book.add("x", "y", "operator")).toBe(true);
  });

  it("forgets all contacts of a name, on the disk, too, and nobody else's", async () => {
    const book = open();
    for (const [one, other] of [
      ["ada", "bob"],
      ["carl", "ada"],
      ["bob", "carl"],
    ] as const)
      await book.add(one, other, "operator");
    expect(await book.forget("ada")).toBe(2);
    for (const one of [book, open()]) expect([one.of("ada"), one.of("bob"), one.size]).toEqual([[], ["carl"], 1]);
    expect(await book.forget("ada")).toBe(0);
  });

  it("shows every pair once, in order, however long the pages are", async () => {
    const name = fc.constantFrom("a", "aa", "a b", "ab", "b", "é", "z", "日本");
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(name, name)), fc.integer({ min: 1, max: 4 }), async (pairs, max) => {
        table = new TablesMemory().table("contacts");
        const book = open();
        const wanted = new Set<string>();
        for (const [one, other] of pairs)
          if (one !== other) {
            await book.add(one, other, "operator");
            wanted.add(JSON.stringify([one, other].sort()));
          }
        const shown: string[] = [];
        let after: readonly [string, string] | undefined;
        for (;;) {
          const { pairs: page, isMore } = book.page(after, max);
          shown.push(...page.map(({ agents }) => JSON.stringify(agents)));
          after = page.at(-1)?.agents;
          if (!isMore) break;
          expect(page).toHaveLength(max);
        }
        expect(shown).toHaveLength(wanted.size);
        expect(new Set(shown)).toEqual(wanted);
        for (const one of ["a", "é"]) expect(book.pairsOf(one).map(({ agents }) => agents[1])).toEqual(book.of(one));
      }),
      { numRuns: 60 },
    );
  });
});

describe("names that are remembered while they are away", () => {
  const day = 86_400_000;
  let names: Table<SeenRow>;
  beforeEach(() => {
    names = tables.table("contact-names");
  });
  const remember = (limits: Partial<Limits> = {}): ContactNames => {
    const made = new ContactNames({ ...defaultLimits, ...limits }, clock);
    made.load(names);
    return made;
  };
  const kept = (): readonly string[] => [...names.range("", "\uffff")].map(([name]) => name);

  it("are known for 30 days since they were last here, over a restart, and then gone from the disk", () => {
    const known = remember();
    known.saw("ada");
    clock.advance(29 * day);
    for (const one of [known, remember()]) expect(one.has("ada")).toBe(true);
    clock.advance(2 * day);
    expect(known.has("ada")).toBe(false);
    expect([remember().size, kept()]).toEqual([0, []]);
  });

  it("make room for others, the one that was here longest ago first", () => {
    const known = remember({ contactNamesMax: 2 });
    for (const name of ["a", "b", "a", "c"]) {
      known.saw(name);
      clock.advance(1);
    }
    expect(["a", "b", "c"].map((name) => known.has(name))).toEqual([true, false, true]);
    expect(kept()).toEqual(["a", "c"]);
  });

  it("are forgotten when asked to be, on the disk, too", async () => {
    const known = remember();
    known.saw("ada");
    expect([await known.forget("ada"), await known.forget("ada")]).toEqual([true, false]);
    expect([known.has("ada"), kept()]).toEqual([false, []]);
  });
});
