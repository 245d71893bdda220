import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Slices } from "../../src/core/index.js";

/** Time passes only by work. */
class Worked {
  now = 0;
  readonly monotonic = (): number => this.now;
  readonly missed = (): number => 0;

  takes(ms: number): void {
    this.now += ms;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("slices", () => {
  it("do at once what the turn has time for, and the rest in later turns, in order", async () => {
    const time = new Worked();
    const slices = new Slices(time, { turnMs: 8 });
    const done: number[] = [];
    for (let at = 0; at < 10; at += 1)
      slices.do(() => {
        time.takes(4);
        done.push(at);
      });
    expect(done, "8 ms are over").toEqual([0, 1]);
    expect(slices.hasTime).toBe(false);
    await turn();
    expect(done).toEqual([0, 1, 2, 3]);
    slices.do(() => done.push(10));
    expect(done, "nothing overtakes what waits").toEqual([0, 1, 2, 3]);
    for (let at = 0; at < 5; at += 1) await turn();
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(slices.hasTime).toBe(true);
  });

  it("keep nothing of what is done", async () => {
    const time = new Worked();
    const slices = new Slices(time);
    const done = (() => {
      const worked = { on: "a connection" };
      slices.do(() => {
        time.takes(2);
      });
      slices.do(() => {
        worked.on = "done";
      });
      return new WeakRef(worked);
    })();
    await turn();
    await turn();
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    expect(done.deref()).toBeUndefined();
    expect(slices.hasTime).toBe(true);
  });

  it("have time again in the next turn", async () => {
    const time = new Worked();
    const slices = new Slices(time);
    slices.do(() => {
      time.takes(100);
    });
    expect(slices.hasTime).toBe(false);
    await turn();
    expect(slices.hasTime).toBe(true);
  });

  it("put off what work itself adds", async () => {
    const slices = new Slices(new Worked());
    const done: string[] = [];
    slices.do(() => {
      slices.do(() => done.push("inner"));
      done.push("outer");
    });
    expect(done).toEqual(["outer"]);
    await turn();
    expect(done).toEqual(["outer", "inner"]);
  });

  it("throw to whoever is there, and tell of what was thrown later", async () => {
    const time = new Worked();
    const failed: unknown[] = [];
    const slices = new Slices(time, { failed: (thrown) => failed.push(thrown) });
    const fail = (word: string) => (): never => {
      time.takes(10);
      throw new Error(word);
    };
    expect(() => {
      slices.do(fail("now"));
    }).toThrow("now");
    slices.do(fail("later"));
    const refused = expect(slices.run(fail("asked for"))).rejects.toMatchObject({ code: "internal" });
    for (let at = 0; at < 3; at += 1) await turn();
    expect(failed).toMatchObject([{ message: "later" }]);
    await refused;
  });

  it("finish all that waits when nothing comes after it", () => {
    const time = new Worked();
    const slices = new Slices(time);
    const done: number[] = [];
    for (let at = 0; at < 3_000; at += 1)
      slices.do(() => {
        time.takes(1);
        done.push(at);
      });
    slices.finish();
    expect(done).toEqual(Array.from({ length: 3_000 }, (_, at) => at));
  });

  it("have a quarter of their time while what goes first waits", async () => {
    const time = new Worked();
    const endings = new Slices(time);
    const events = new Slices(time, { first: endings });
    const done: string[] = [];
    for (let at = 0; at < 4; at += 1) {
      endings.do(() => {
        time.takes(5);
        done.push("end");
      });
      events.do(() => {
        time.takes(0.3);
        done.push("event");
      });
      events.do(() => {
        time.takes(0.3);
        done.push("event");
      });
    }
    for (let at = 0; at < 6; at += 1) await turn();
    expect(done.join(" ")).toBe("end event event end event event end event event end event event");
  });

  it("do what returns more again, in as many turns as it takes", async () => {
    const time = new Worked();
    const slices = new Slices(time);
    let pieces = 0;
    const work = () => {
      time.takes(5);
      return (pieces += 1) < 4 ? "more" : undefined;
    };
    const over = slices.run(work);
    expect(pieces).toBe(1);
    await over;
    expect(pieces).toBe(4);
    expect(
      slices.run(() => undefined),
      "nothing is left",
    ).toBeInstanceOf(Promise);
    pieces = 0;
    const quick = new Slices(time);
    expect(quick.run(() => ((pieces += 1) < 7 ? "more" : undefined))).toBeUndefined();
    expect(pieces, "what takes no time needs no further turn").toBe(7);
    let failing = 0;
    await expect(
      slices.run(() => {
        time.takes(5);
        if ((failing += 1) === 2) throw new Error("broken");
        return "more";
      }),
    ).rejects.toMatchObject({ code: "internal" });
  });
});
