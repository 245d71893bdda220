import { describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { ClaimWatch, type Claim } from "../../src/identity/index.js";

/** Names that are claimed, and those of them that were lost, in their order. */
function claimed(names: Iterable<string>): { claims(): Iterable<Claim>; proved(name: string): void; lost: string[] } {
  const lost: string[] = [];
  return {
    *claims() {
      for (const name of names) yield { name, lose: () => lost.push(name) };
    },
    proved(name) {
      lost.push(name);
    },
    lost,
  };
}

function watched(...names: readonly (readonly string[])[]) {
  const clock = new FakeClock();
  const owned = new Set<string>();
  let judged = 0;
  const identity = {
    isProtected(name: string) {
      judged += 1;
      return owned.has(name.toLowerCase());
    },
    get protections() {
      return owned.size;
    },
  };
  const claimants = names.map((some) => claimed(some));
  const failed: unknown[] = [];
  const watch = new ClaimWatch(clock, identity, claimants, (thrown) => failed.push(thrown));
  return { clock, owned, watch, claimants, failed, judged: () => judged };
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe("claims on names", () => {
  it("that cannot be taken away are told of, and do not keep the others", async () => {
    const { clock, owned, watch, claimants, failed } = watched(["bob", "ada"]);
    const [part] = claimants;
    const why = new Error("no");
    if (part !== undefined)
      part.claims = function* () {
        yield {
          name: "bob",
          lose: () => {
            throw why;
          },
        };
        yield { name: "ada", lose: () => part.lost.push("ada") };
      };
    await watch.start();
    for (const name of ["bob", "ada"]) {
      owned.add(name);
      clock.advance(1_000);
      await turns(3);
    }
    expect(failed).toEqual([why, why]);
    expect(part?.lost).toEqual(["ada"]);
    await watch.stop();
  });

  it("are lost in every part when the name, or one like it, gets an owner, and no others are", async () => {
    const { clock, owned, watch, claimants } = watched(["BOB", "ada"], ["bob", "eve"]);
    await watch.start();
    owned.add("bob");
    clock.advance(1_000);
    await turns(3);
    expect(claimants.map(({ lost }) => lost)).toEqual([["BOB"], ["bob"]]);
    await watch.stop();
  });

  it("are not looked at while no name becomes protected", async () => {
    const { clock, watch, judged } = watched(["ada"]);
    await watch.start();
    clock.advance(60_000);
    await turns(3);
    expect(judged()).toBe(0);
    await watch.stop();
  });

  it("of a name that is proved are lost at once", async () => {
    const { watch, claimants } = watched(["bob"], ["bob"]);
    await watch.start();
    watch.proved("bob");
    expect(claimants.map(({ lost }) => lost)).toEqual([["bob"], ["bob"]]);
    await watch.stop();
  });

  it("are judged in slices, and no more once it is stopped", async () => {
    const many = Array.from({ length: 1_000 }, (_, at) => `agent-${String(at)}`);
    const { clock, owned, watch, judged } = watched(many);
    await watch.start();
    owned.add("bob");
    clock.advance(1_000);
    await watch.stop();
    const before = judged();
    await turns(3);
    expect(judged()).toBe(before);
    clock.advance(60_000);
    await turns(3);
    expect(judged()).toBe(before);
  });
});
