import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Allotment, FairShares, SplitAllotment, partyOf, principal, Ranking } from "../../src/core/index.js";

describe("a ranking", () => {
  it("knows who has the most, as counting would tell", () => {
    const step = fc.record({ key: fc.constantFrom("a", "b", "c"), change: fc.integer({ min: -4, max: 4 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ranking = new Ranking<string>();
        const naive = new Map<string, number>();
        for (const { key, change } of steps) {
          const now = (naive.get(key) ?? 0) + change;
          if (now < 0) continue;
          ranking.add(key, change);
          naive.set(key, now);
        }
        const most = Math.max(0, ...naive.values());
        expect(ranking.most).toBe(most);
        for (const [key, amount] of naive) expect(ranking.amountOf(key)).toBe(amount);
        if (most === 0) expect(ranking.first).toBeUndefined();
        else expect(naive.get(ranking.first ?? "")).toBe(most);
      }),
    );
  });
});

describe("fair shares", () => {
  const at = (network: string, name = network): { readonly network: string; readonly name: string } => ({
    network,
    name,
  });

  it("let the busiest party of the busiest network make room, with what it has used longest ago", () => {
    const shares = new FairShares<string>();
    shares.add("one of few", at("quiet"));
    const first = shares.add("a1", at("busy", "a"));
    shares.add("b1", at("busy", "b"));
    shares.add("a2", at("busy", "a"));
    expect(shares.excess).toBe("a1");
    first.touch();
    expect(shares.excess).toBe("a2");
    first.end();
    shares.add("b2", at("busy", "b"));
    expect(shares.excess).toBe("b1");
  });

  it("count what an item weighs, and nothing of one that has ended, however often it ends", () => {
    const shares = new FairShares<string>();
    const heavy = shares.add("heavy", at("few"), 5);
    for (const item of ["1", "2", "3"]) shares.add(item, at("many"));
    expect([shares.size, shares.amount, shares.excess]).toEqual([4, 8, "heavy"]);
    heavy.end();
    heavy.end();
    heavy.touch();
    expect([shares.size, shares.amount, shares.excess]).toEqual([3, 3, "1"]);
  });

  it("give room to a newcomer only at the cost of somebody who has more", () => {
    const shares = new FairShares<string>();
    expect(shares.excessBeside(at("new"))).toBeUndefined();
    shares.add("a1", at("a"));
    expect(shares.excessBeside(at("new")), "each would have one").toBeUndefined();
    shares.add("a2", at("a"));
    expect(shares.excessBeside(at("new"))).toBe("a1");
    expect(shares.excessBeside(at("new"), 2)).toBeUndefined();
    expect(shares.excessBeside(at("a"))).toBeUndefined();
    expect(shares.excessBeside(at("a", "somebody else there"))).toBe("a1");
  });

  it("let the busy one of the newcomer's own network make room there, not one of a busier network's", () => {
    const shares = new FairShares<string>();
    for (let n = 0; n < 4; n += 1) shares.add(`one of ${String(n)}`, at("crowd", String(n)));
    for (const item of ["b1", "b2", "b3", "b4"]) shares.add(item, at("here", "busy"));
    expect(shares.excessBeside(at("here", "new"))).toBe("b1");
  });

  it("take nothing from a better standing in what lasts, and leave each a third of what is remembered", () => {
    const shares = new FairShares<string>();
    const issued = { network: "token of ada", name: "token of ada", standing: "issued" } as const;
    const shared = { network: "here", name: "s", standing: "shared" } as const;
    for (const item of ["i1", "i2", "i3"]) shares.add(item, issued);
    for (const item of ["s1", "s2", "s3"]) shares.add(item, shared);
    expect([shares.excessBeside(at("new")), shares.excessBeside({ ...shared, network: "new" })]).toEqual([
      undefined,
      "s1",
    ]);
    const free = shares.add("f1", at("new"));
    expect(shares.excess).toBe("s1");
    expect(shares.excessBeside(issued), "who pays nothing gives to who was issued a token").toBe("f1");
    free.end();
    for (const item of ["f1", "f2", "f3"]) shares.add(item, at("new"));
    expect([shares.excess, shares.amountOf(at("new"))]).toEqual(["f1", { ofParty: 3, ofNetwork: 3 }]);
  });

  it("agree with counting after any steps", () => {
    const step = fc.record({
      network: fc.constantFrom("n1", "n2"),
      name: fc.constantFrom("x", "y"),
      amount: fc.integer({ min: 1, max: 3 }),
      end: fc.option(fc.nat(20), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const shares = new FairShares<number>();
        const kept = new Map<number, { key: string; network: string; amount: number; end: () => void }>();
        steps.forEach(({ network, name, amount, end }, item) => {
          const old = end === undefined ? undefined : kept.get(end);
          if (end !== undefined) {
            old?.end();
            kept.delete(end);
          }
          const share = shares.add(item, { network, name }, amount);
          kept.set(item, {
            key: `${network} ${name}`,
            network,
            amount,
            end: () => {
              share.end();
            },
          });
        });
        const sum = (test: (one: { key: string; network: string }) => boolean): number =>
          [...kept.values()].filter(test).reduce((total, { amount }) => total + amount, 0);
        expect(shares.amount).toBe(sum(() => true));
        expect(shares.size).toBe(kept.size);
        const found = shares.excess === undefined ? undefined : kept.get(shares.excess);
        if (kept.size === 0) expect(found).toBeUndefined();
        else {
          const networks = [...new Set([...kept.values()].map(({ network }) => network))];
          const most = Math.max(...networks.map((name) => sum(({ network }) => network === name)));
          expect(sum(({ network }) => network === found?.network)).toBe(most);
        }
      }),
    );
  });
});

describe("the party of a speaker", () => {
  it("is apart for a token that was issued, a key for a key, and a connection for all others, at their network", () => {
    const token = principal("ada", "proved", { proof: "token:ada" });
    const key = principal("0123456789abcdef", "proved", { proof: "key:x" });
    expect(partyOf({ id: "1", remote: "10.0.0.1", principal: token })).toEqual(
      partyOf({ id: "2", remote: "10.9.9.9", principal: token }),
    );
    expect(partyOf({ id: "1", remote: "10.0.0.1", principal: key })).toEqual({
      network: "10.0.0.1",
      name: "key:x",
      standing: "free",
    });
    expect(partyOf({ id: "1", remote: "2001:db8::1", principal: principal("eve", "shared") })).toEqual({
      network: "2001:db8:0:0",
      name: "1",
      standing: "shared",
    });
    expect(partyOf({ id: "1", remote: "ipc", principal: undefined })).toEqual({
      network: "ipc",
      name: "1",
      standing: "free",
    });
  });
});

describe("an allotment", () => {
  it("gives what is assured in any case, and more while as much is left", () => {
    const all = new Allotment(() => 100, 10);
    expect([all.allows(0, 10), all.allows(0, 100), all.allows(0, 101)]).toEqual([true, true, false]);
    all.used = 60;
    expect([all.allows(39), all.allows(40)]).toEqual([true, false]);
    all.used = 500;
    expect([all.allows(9), all.allows(10)]).toEqual([true, false]);
  });
});

describe("an allotment that is split", () => {
  it("keeps a quarter for tokens, whatever assured parts others take beyond theirs", () => {
    const all = new SplitAllotment(() => 100, 10);
    expect([all.of(false).allows(0, 75), all.of(false).allows(0, 76), all.of(true).allows(0, 100)]).toEqual([
      true,
      false,
      true,
    ]);
    all.others.used = 500;
    expect([all.of(true).allows(0, 25), all.of(true).allows(0, 26), all.of(false).allows(9)]).toEqual([
      true,
      false,
      true,
    ]);
    all.others.used = 0;
    all.issued.used = 90;
    expect([all.of(false).allows(0, 10), all.of(false).allows(0, 11), all.used]).toEqual([true, false, 90]);
  });
});
