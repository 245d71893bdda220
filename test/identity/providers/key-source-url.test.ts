import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import type { FetchedText } from "../../../src/identity/providers/fetch-text.js";
import type { KeySet } from "../../../src/identity/providers/key-set.js";
import { KeySourceUrl } from "../../../src/identity/providers/key-source-url.js";
import { turn } from "../../kit/gated-table.js";

const minute = 60_000;
const hour = 60 * minute;

describe("the keys at a URL", () => {
  let clock: FakeClock;
  let source: KeySourceUrl;
  /** Fetches under way, oldest first. */
  let fetches: { readonly answer: (text: string, maxAgeMs?: number) => void; readonly fail: (why: string) => void }[];
  let fetched: number;
  let told: (string | undefined)[];
  beforeEach(() => {
    clock = new FakeClock();
    [fetches, told, fetched] = [[], [], 0];
    source = new KeySourceUrl({
      issuer: "https://issuer",
      clock,
      limits: { issuerWaitsMax: 3 },
      fetch: () =>
        new Promise<FetchedText>((resolve, reject) => {
          fetched += 1;
          fetches.push({
            answer: (text, maxAgeMs) => {
              resolve({ text, maxAgeMs, date: undefined });
            },
            fail: (why) => {
              reject(new Error(why));
            },
          });
        }),
      read: (text) => {
        if (text === "bad") throw new Error("it is not JSON");
        return { name: text } as unknown as KeySet;
      },
      told: (problem) => told.push(problem),
    });
  });

  const next = (): (typeof fetches)[number] => fetches.shift() ?? expect.fail("nothing is asked for");
  /** What a login gets: the set, or why not. */
  const outcome = async (keys: Promise<KeySet>): Promise<unknown> =>
    keys.then(
      (set) => (set as unknown as { name: string }).name,
      (thrown: unknown) => thrown,
    );
  const answered = async (text: string, maxAgeMs?: number): Promise<void> => {
    const keys = outcome(source.keys());
    next().answer(text, maxAgeMs);
    expect(await keys).toBe(text);
  };
  const failed = async (why: string): Promise<unknown> => {
    const keys = outcome(source.keys());
    next().fail(why);
    return keys;
  };

  it("are asked for once, however many logins wait", async () => {
    const waiting = [1, 2, 3].map(() => outcome(source.keys()));
    next().answer("a");
    expect([await Promise.all(waiting), fetched]).toEqual([["a", "a", "a"], 1]);
  });

  it("refuse a login that is one too many to wait, and say when to come again", async () => {
    const waiting = [1, 2, 3].map(() => outcome(source.keys()));
    expect(await outcome(source.keys())).toMatchObject({
      code: "unavailable",
      retryAfterMs: 1_000,
      message:
        "the keys of https://issuer cannot be had now: 3 logins wait for them; try again in 1 s, or tell the operator of this broker",
    });
    next().answer("a");
    expect(await Promise.all(waiting)).toEqual(["a", "a", "a"]);
    expect(await outcome(source.keys())).toBe("a");
  });

  it.each<[string, number | undefined, number]>([
    ["no less than 5 minutes", 0, 5 * minute],
    ["as long as the answer says", hour, hour],
    ["no longer than a day", 48 * hour, 24 * hour],
    ["an hour if it says nothing", undefined, hour],
  ])("are used %s", async (_what, maxAgeMs, freshMs) => {
    await answered("a", maxAgeMs);
    clock.advance(freshMs - 1);
    expect([await outcome(source.keys()), fetched]).toEqual(["a", 1]);
    clock.advance(1);
    await answered("b");
  });

  it("grow old while the process stands still", async () => {
    await answered("a");
    clock.pause(hour);
    await answered("b");
  });

  it("are the last good ones while there are no others, for a day at most", async () => {
    await answered("a", 5 * minute);
    clock.advance(10 * minute);
    expect(await failed("its host refuses the connection")).toBe("a");
    expect(told).toEqual(["its host refuses the connection"]);
    clock.advance(24 * hour);
    expect(await failed("its host refuses the connection")).toMatchObject({ code: "unavailable" });
    expect(told).toHaveLength(1);
    clock.advance(minute);
    await answered("b");
    expect(told.at(-1)).toBeUndefined();
  });

  it("are the last good ones when the document is broken", async () => {
    await answered("a", 5 * minute);
    clock.advance(5 * minute);
    const keys = outcome(source.keys());
    next().answer("bad");
    expect([await keys, told]).toEqual(["a", ["it is not JSON"]]);
  });

  it("are not asked for again at once when they cannot be had, and later and later", async () => {
    for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      expect(await failed("it is away")).toMatchObject({ code: "unavailable", retryAfterMs: waitMs });
      clock.advance(waitMs - 1);
      const before = fetched;
      expect(await outcome(source.keys())).toMatchObject({
        message:
          "the keys of https://issuer cannot be had now: it is away; try again in 1 s, or tell the operator of this broker",
      });
      expect(fetched).toBe(before);
      clock.advance(1);
    }
    await answered("a");
    clock.advance(hour);
    expect(await failed("it is away again")).toBe("a");
    clock.advance(1_000);
    await answered("b");
  });

  it("are asked for again for a key that is not among them, once in 30 s", async () => {
    await answered("a");
    clock.advance(29_999);
    expect([await outcome(source.again()), fetched]).toEqual(["a", 1]);
    clock.advance(1);
    const keys = [1, 2].map(() => outcome(source.again()));
    next().answer("b");
    expect([await Promise.all(keys), fetched]).toEqual([["b", "b"], 2]);
    expect([await outcome(source.again()), fetched]).toEqual(["b", 2]);
  });

  it("leave it open whether there is such a key while they cannot be had", async () => {
    await answered("a");
    clock.advance(minute);
    const keys = outcome(source.again());
    next().fail("it is away");
    expect(await keys).toMatchObject({ code: "unavailable" });
    expect(await outcome(source.again())).toMatchObject({ code: "unavailable" });
    expect(await outcome(source.keys())).toBe("a");
  });

  it("are given up with the broker, and nobody is told", async () => {
    const keys = outcome(source.keys());
    source.close();
    next().fail("aborted");
    expect(await keys).toMatchObject({ code: "unavailable" });
    await turn();
    expect(told).toEqual([]);
  });
});
