import { describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { defaultLimits, Fault, type Party } from "../../src/core/index.js";
import { ForgottenNames } from "../../src/identity/forgotten-names.js";
import { ProvedNames, type KeptName } from "../../src/identity/proved-names.js";
import { TablesMemory, type Table } from "../../src/storage/index.js";
import { gatedTable, turn } from "../kit/gated-table.js";

/** The name of the key with this number. */
const keyName = (n: number): string => n.toString(16).padStart(16, "0");
const from = (network: string): Party => ({ network, name: network });
const day = 86_400_000;

function openNames(
  table: Table<KeptName> = new TablesMemory().table<KeptName>("proved-names"),
  provedNamesMax = 200,
  clock = new FakeClock(),
): ProvedNames {
  const names = new ProvedNames({ ...defaultLimits, provedNamesMax }, clock);
  names.load(table);
  return names;
}

describe("names that were proved", () => {
  it("by a key for the first time are remembered when that is on disk, not before", async () => {
    const gate = gatedTable<KeptName>();
    const names = openNames(gate.table);
    gate.hold();
    const kept = names.add(keyName(1), from("a"));
    await turn();
    expect(names.has(keyName(1))).toBe(false);
    await gate.open();
    await kept;
    expect(names.has(keyName(1))).toBe(true);
  });

  it("and could not be kept are not remembered; the next proof tries again", async () => {
    const gate = gatedTable<KeptName>();
    const names = openNames(gate.table);
    gate.hold();
    const refused = expect(names.add(keyName(1), from("a"))).rejects.toThrow("no room");
    await gate.fail(new Fault("unavailable", "no room"));
    await refused;
    expect(names.has(keyName(1))).toBe(false);
    await gate.open();
    await names.add(keyName(1), from("a"));
    expect(names.has(keyName(1))).toBe(true);
  });

  it("can be claimed once they are forgotten on purpose, although there was no room for them before", async () => {
    const names = openNames(undefined, 1);
    await names.add(keyName(1), from("a"));
    await names.add(keyName(2), from("a"));
    expect([names.has(keyName(1)), names.protects(keyName(1))]).toEqual([false, true]);
    await names.forget(keyName(1));
    expect(names.protects(keyName(1))).toBe(false);
    await names.add(keyName(1), from("a"));
    await names.add(keyName(2), from("a"));
    expect([names.has(keyName(1)), names.protects(keyName(1))]).toEqual([false, true]);
  });

  it("can be forgotten before their time, on disk too; then they are no name that was forgotten for want of room", async () => {
    const gate = gatedTable<KeptName>();
    const names = openNames(gate.table);
    await names.add(keyName(1), from("a"));
    await names.add(keyName(2), from("a"));
    gate.written();
    const forgotten = names.forget(keyName(1));
    expect([names.protects(keyName(1)), names.protects(keyName(2))]).toEqual([false, true]);
    await forgotten;
    await names.forget(keyName(3));
    expect(gate.written()).toEqual([`delete ${keyName(1)}`]);
    expect(openNames(gate.table).has(keyName(1))).toBe(false);
    gate.hold();
    const refused = expect(names.forget(keyName(2))).rejects.toThrow("no room");
    await gate.fail(new Fault("unavailable", "no room"));
    await refused;
  });

  it("by a token are remembered at once, and on disk before anybody is told: the token may be revoked", async () => {
    const gate = gatedTable<KeptName>();
    const names = openNames(gate.table);
    gate.hold();
    let isKept = false;
    const kept = names.add("ada", "issued")?.then(() => (isKept = true));
    expect(names.has("ada")).toBe(true);
    let isSecondKept = false;
    const second = names.add("ada", "issued")?.then(() => (isSecondKept = true));
    await turn();
    expect([isKept, isSecondKept], "both connections of an agent wait").toEqual([false, false]);
    expect(gate.written()).toEqual(["put ada"]);
    await gate.open();
    await Promise.all([kept, second]);
    expect([isKept, isSecondKept]).toEqual([true, true]);
    expect(names.add("ada", "issued"), "once a day").toBeUndefined();
    gate.hold();
    const failed = names.add("bob", "issued");
    await gate.fail(new Fault("unavailable", "no room"));
    await expect(failed, "the token proves it as long as the broker runs").resolves.toBeUndefined();
    expect(names.has("bob")).toBe(true);
    await gate.open();
    gate.written();
    await names.add("bob", "issued");
    expect(gate.written(), "the next proof tries again").toEqual(["put bob"]);
  });

  it("are written once a day at most, however often they are proved", async () => {
    const clock = new FakeClock();
    const gate = gatedTable<KeptName>();
    const names = openNames(gate.table, 200, clock);
    await names.add(keyName(1), from("a"));
    gate.written();
    for (let time = 0; time < 3; time += 1) {
      clock.advance(day / 4);
      expect(names.add(keyName(1), from("a"))).toBeUndefined();
    }
    expect(gate.written()).toEqual([]);
    clock.advance(day / 4);
    void names.add(keyName(1), from("a"));
    expect(gate.written()).toEqual([`put ${keyName(1)}`]);
    clock.advance(30 * day - 1);
    expect(names.has(keyName(1))).toBe(true);
  });

  it("make room for others where their network has the most, and never if they had a token", async () => {
    const names = openNames();
    void names.add("ada", "issued");
    await names.add(keyName(0), from("quiet"));
    for (let n = 1; n <= 1_000; n += 1) await names.add(keyName(n), from("busy"));
    expect([names.has("ada"), names.has(keyName(0)), names.has(keyName(1_000))]).toEqual([true, true, true]);
    expect(names.size).toBe(201);
  });

  it("and had to be forgotten before their time are known as such; a key that is new is not", async () => {
    const names = openNames();
    for (let n = 1; n <= 201; n += 1) await names.add(keyName(n), from("busy"));
    expect([names.has(keyName(1)), names.protects(keyName(1))]).toEqual([false, true]);
    // However many are remembered, new keys are welcome without a proof.
    const taken = Array.from({ length: 1_000 }, (_, n) => keyName(10_000 + n)).filter((name) => names.protects(name));
    expect(taken).toEqual([]);
  });

  it("are the same after a restart, also those that an older broker has kept", async () => {
    const clock = new FakeClock();
    const table = new TablesMemory().table<KeptName>("proved-names");
    const first = openNames(table, 200, clock);
    await first.add(keyName(1), from("a"));
    void first.add("ada", "issued");
    await table.put("bob", clock.now() + 5_000);
    await table.put(keyName(2), clock.now() + 5_000);
    await turn();
    const second = openNames(table, 200, clock);
    const known = (): readonly boolean[] => [keyName(1), "ada", "bob", keyName(2)].map((name) => second.has(name));
    expect(known()).toEqual([true, true, true, true]);
    clock.advance(5_000);
    expect(known()).toEqual([true, true, false, false]);
    const third = openNames(table, 1, clock);
    await third.add(keyName(3), from("b"));
    await third.add(keyName(4), from("b"));
    expect([third.has("ada"), third.has(keyName(1)), third.size]).toEqual([true, false, 2]);
  });
});

describe("forgotten names", () => {
  it("are always found, and hardly any other", () => {
    const forgotten = new ForgottenNames();
    expect(forgotten.has("a")).toBe(false);
    for (let n = 0; n < 20_000; n += 1) forgotten.add(`name ${String(n)}`);
    for (let n = 0; n < 20_000; n += 997) expect(forgotten.has(`name ${String(n)}`)).toBe(true);
    let wrong = 0;
    for (let n = 0; n < 5_000; n += 1) if (forgotten.has(`other ${String(n)}`)) wrong += 1;
    expect(wrong).toBeLessThan(10);
  });
});
