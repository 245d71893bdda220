import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { Flows, flowsMax } from "../../src/telemetry/flows.js";
import type { Overheard } from "../../src/telemetry/overhearing.js";
import type { Flow } from "../../src/telemetry/telemetry.js";
import { naiveFlows } from "./naive-flows.js";
import { overheard, wallStart } from "./overheard.js";

const limits = { requestTimeoutMs: 30_000, requestMaxMs: 600_000 };

function open(): { readonly clock: FakeClock; readonly flows: Flows } {
  const clock = new FakeClock(wallStart);
  const flows = new Flows({ clock, limits });
  flows.start();
  return { clock, flows };
}

const pairOf = ({ from, to, hidden }: Flow): string => `${from} ${to}${hidden ? " hidden" : ""}`;
const told = (flows: Flows, since = 0, max = 1_000): string[] => flows.changed(since, max).flows.map(pairOf);

describe("flows", () => {
  it("count what one says to another, both ways apart, since they began", () => {
    const { clock, flows } = open();
    flows.heard(overheard("ada", "bob", 0, { bytes: 3_000 }));
    clock.advance(2_000);
    flows.heard(overheard("ada", "bob", 2_000, { bytes: 5_000 }));
    flows.heard(overheard("bob", "ada", 2_000));
    flows.heard(overheard("bob", "#crypto", 2_000));
    const [first] = flows.changed(0, 10).flows;
    expect(told(flows)).toEqual(["ada bob", "bob ada", "bob #crypto"]);
    expect(first).toEqual({
      from: "ada",
      to: "bob",
      hidden: false,
      messageCount: 2,
      averageLatency: null,
      maxLatency: null,
      minLatency: null,
      successRate: null,
      bandwidth: 4,
      lastActivity: wallStart + 2_000,
      since: wallStart,
    });
    clock.advance(8_000);
    expect(flows.changed(0, 1).flows[0]?.bandwidth, "of the last ten seconds").toBe(0.5);
  });

  it("measure requests by what answers them: by its reference, else the oldest", () => {
    const { clock, flows } = open();
    for (const [at, messageId] of ["a", "b", "c", "b"].entries())
      flows.heard(overheard("ada", "bob", at, { type: "request", messageId, waitMs: 500 }));
    flows.heard(overheard("ada", "bob", 4, { type: "request", messageId: "patient" }));
    clock.advance(100);
    const answers = [{ inReplyTo: "b" }, {}, { inReplyTo: "unknown" }, { inReplyTo: "c", data: { error: "no" } }];
    for (const more of answers) flows.heard(overheard("bob", "ada", 100, { type: "response", ...more }));
    const [asked, answered] = flows.changed(0, 10).flows;
    expect(asked).toMatchObject({ minLatency: 98, maxLatency: 100, averageLatency: (99 + 100 + 98) / 3 });
    expect(asked?.successRate).toBe(2 / 3);
    expect(answered).toMatchObject({ messageCount: 4, averageLatency: null, successRate: null });
    clock.advance(limits.requestTimeoutMs);
    expect(
      flows.changed(0, 10).flows.find(({ from }) => from === "ada")?.successRate,
      "one is never answered in its time",
    ).toBe(2 / 4);
  });

  it("count what was not looked at where its sender is known", () => {
    const { clock, flows } = open();
    clock.advance(1_000);
    const sender = { from: "ada", hidden: false, shared: false, at: 1_000, now: clock.now() };
    flows.counted("bob", 1_000, 50_000, sender);
    flows.counted("bob", 10, 500, { ...sender, hidden: true });
    flows.counted("bob", 99, 9_999);
    expect(flows.changed(0, 10).flows).toMatchObject([
      { from: "ada", to: "bob", hidden: false, messageCount: 1_000, bandwidth: 50, lastActivity: clock.now() },
      { from: "ada", to: "bob", hidden: true, messageCount: 1_010, bandwidth: 50.5 },
    ]);
  });

  it("leave out requests that may have been answered by what was not looked at", () => {
    const { clock, flows } = open();
    const ask = (to: string): void => {
      flows.heard(overheard("ada", to, clock.monotonic(), { type: "request", messageId: "q" }));
    };
    const answer = (from: string, inReplyTo?: string): void => {
      flows.heard(overheard(from, "ada", clock.monotonic(), { type: "response", inReplyTo }));
    };
    const sender = { from: "bob", hidden: false, shared: false, at: 0, now: clock.now() };
    ask("bob");
    ask("eve");
    flows.counted("ada", 5, 500, sender);
    clock.advance(10);
    answer("bob");
    answer("eve");
    ask("joe");
    flows.counted("ada", 1, 100);
    clock.advance(10);
    answer("joe");
    ask("zoë");
    flows.counted("ada", 1, 100);
    answer("zoë", "q");
    clock.advance(limits.requestTimeoutMs);
    const rates = flows.changed(0, 10).flows.filter(({ from }) => from === "ada");
    expect(rates.map(({ to, successRate, averageLatency }) => [to, successRate, averageLatency])).toEqual([
      ["bob", null, null],
      ["eve", 1, 10],
      ["joe", null, null],
      ["zoë", 1, 0],
    ]);
  });

  it("expect no answer to what is asked of a room", () => {
    const { clock, flows } = open();
    flows.heard(overheard("ada", "#crypto", 0, { type: "request" }));
    clock.advance(limits.requestTimeoutMs);
    expect(flows.changed(0, 10).flows).toMatchObject([{ successRate: null }]);
  });

  it("show what is hidden apart: everything behind what is open, and nothing of it in what is open", () => {
    const { clock, flows } = open();
    flows.heard(overheard("ada", "bob", 0, { type: "request", messageId: "a" }));
    flows.heard(overheard("ada", "bob", 0, { sealed: true, hidden: true }));
    flows.heard(overheard("eve", "bob", 0, { sealed: true, hidden: true }));
    clock.advance(50);
    flows.heard(overheard("bob", "ada", 50, { type: "response", inReplyTo: "a", hidden: true }));
    const { flows: all, next } = flows.changed(0, 10);
    expect(all.filter(({ from }) => from === "ada")).toMatchObject([
      { hidden: false, messageCount: 1, successRate: null, averageLatency: null },
      { hidden: true, messageCount: 2, successRate: 1, averageLatency: 50 },
    ]);
    expect(all.map(pairOf)).toContain("eve bob hidden");
    flows.heard(overheard("ada", "bob", 50, { hidden: true }));
    expect(told(flows, next), "that something hidden was said does not show").toEqual(["ada bob hidden"]);
    flows.heard(overheard("ada", "bob", 50));
    expect(told(flows, next)).toEqual(["ada bob", "ada bob hidden"]);
  });

  it("are told once, and again when they have changed, or fallen silent", () => {
    const { clock, flows } = open();
    flows.heard(overheard("ada", "bob", 0));
    flows.heard(overheard("ada", "eve", 0));
    let { next } = flows.changed(0, 10);
    expect(told(flows, next)).toEqual([]);
    flows.heard(overheard("ada", "eve", 0));
    expect(told(flows, next)).toEqual(["ada eve"]);
    expect(told(flows), "who is new hears of all").toEqual(["ada bob", "ada eve"]);
    ({ next } = flows.changed(next, 10));
    clock.advance(9_000);
    expect(told(flows, next)).toEqual([]);
    clock.advance(1_000);
    const silent = flows.changed(next, 10);
    expect(silent.flows.map(({ bandwidth }) => bandwidth)).toEqual([0, 0]);
    clock.advance(20_000);
    expect(told(flows, silent.next)).toEqual([]);
  });

  it("are told in turn when more change than can be told, also to several at once", () => {
    const { flows } = open();
    const all = Array.from({ length: 30 }, (_, at) => `a${String(at)}`);
    const seen = [new Set<string>(), new Set<string>()];
    const cursors = [0, 0];
    for (let round = 0; round < 6; round += 1) {
      for (const name of all) flows.heard(overheard(name, "bob", 0));
      for (const viewer of [0, 1]) {
        const { flows: some, next } = flows.changed(cursors[viewer] ?? 0, 10);
        expect(some).toHaveLength(10);
        for (const { from } of some) seen[viewer]?.add(from);
        cursors[viewer] = next;
      }
      if (round === 2) expect(seen[0]?.size, "each once before one comes twice").toBe(30);
    }
    expect(seen.map(({ size }) => size)).toEqual([30, 30]);
  });

  it("forget the least active when they are too many", () => {
    const { flows } = open();
    for (let at = 0; at < flowsMax; at += 1) flows.heard(overheard(`a${String(at)}`, "bob", 0, { type: "request" }));
    flows.heard(overheard("a0", "bob", 0));
    flows.heard(overheard("new", "bob", 0));
    expect(flows.size).toBe(flowsMax - 499);
    const left = flows.changed(0, 2 * flowsMax).flows.map(({ from }) => from);
    expect(left).toHaveLength(flows.size);
    expect([left.includes("a0"), left.includes("new"), left.includes("a1"), left.includes("a600")]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it("keep names apart that are written alike together, whatever names there are", () => {
    const { flows } = open();
    const names = [
      ["a", "bc"],
      ["ab", "c"],
      ["__proto__", "constructor"],
      ["1 a", "b"],
      ["1", " ab"],
    ] as const;
    for (const [from, to] of names) flows.heard(overheard(from, to, 0));
    expect(flows.changed(0, 10).flows.map(({ from, to, messageCount }) => [from, to, messageCount])).toEqual(
      names.map(([from, to]) => [from, to, 1]),
    );
  });

  it("begin from nothing when they begin anew, and no number is told twice", () => {
    const { clock, flows } = open();
    flows.heard(overheard("ada", "bob", 0));
    const { next } = flows.changed(0, 10);
    flows.stop();
    expect(flows.changed(0, 10).flows).toEqual([]);
    clock.advance(5_000);
    flows.start();
    flows.heard(overheard("ada", "bob", 5_000));
    expect(flows.changed(next, 10).flows).toMatchObject([{ messageCount: 1, since: wallStart + 5_000 }]);
  });

  it("agree with what follows from the whole story", () => {
    const name = fc.constantFrom("ada", "bob", "eve");
    const said = fc.record({
      from: name,
      to: fc.oneof({ weight: 5, arbitrary: name }, { weight: 1, arbitrary: fc.constant("#crypto") }),
      type: fc.constantFrom("request", "response", "inform", "response"),
      messageId: fc.constantFrom("1", "2", "3"),
      inReplyTo: fc.option(fc.constantFrom("1", "2", "3"), { nil: undefined }),
      hidden: fc.boolean(),
      bytes: fc.integer({ min: 0, max: 5_000 }),
      data: fc.constantFrom(undefined, { error: "x" }),
      pauseMs: fc.constantFrom(0, 0, 10, 400, 3_000, 12_000),
    });
    fc.assert(
      fc.property(fc.array(said, { maxLength: 60 }), fc.array(fc.nat({ max: 59 })), (talk, looks) => {
        const { clock, flows } = open();
        const story: Overheard[] = [];
        for (const [at, { pauseMs, from, to, data, ...more }] of talk.entries()) {
          clock.advance(pauseMs);
          const type = more.type;
          const one = overheard(from, to, clock.monotonic(), {
            ...more,
            type,
            ...(data !== undefined && { data }),
            ...(at % 7 === 0 && { waitMs: 2_000 }),
          });
          story.push(one);
          flows.heard(one);
          if (looks.includes(at)) flows.changed(0, 3);
        }
        clock.advance(1_000);
        const shown = flows.changed(0, 100).flows.toSorted(byPair);
        const naive = naiveFlows(story, clock.monotonic(), limits.requestTimeoutMs).toSorted(byPair);
        expect(shown.map(pairOf)).toEqual(naive.map(pairOf));
        for (const [at, flow] of shown.entries()) {
          const { averageLatency, bandwidth, successRate, ...exact } = flow;
          const { averageLatency: average, bandwidth: width, successRate: rate, ...same } = naive[at] ?? flow;
          expect(exact).toEqual(same);
          expect([averageLatency ?? -1, successRate ?? -1, bandwidth].map(rounded)).toEqual(
            [average ?? -1, rate ?? -1, width].map(rounded),
          );
        }
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

function byPair(one: Flow, other: Flow): number {
  return pairOf(one) < pairOf(other) ? -1 : 1;
}
