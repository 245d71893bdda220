import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Said } from "#dialect";
import { Sampler } from "../../../../bridges/visualisation/streams/sampler.js";
import { StreamWorld, type TestViewer } from "../../../kit/stream-world.js";

/** Moves everybody a little more often than anybody is told. */
function moving(world: StreamWorld, ms: number): void {
  for (let at = 0; at < ms; at += 10) {
    world.telemetry.moves("ada", at);
    world.pass(10);
  }
}

function places(viewer: TestViewer): number[] {
  return viewer
    .texts("agent.positions")
    .flatMap(({ payload }) => (payload["agents"] as { x: number }[]).map(({ x }) => x));
}

describe("positions", () => {
  it("come at the rate of each viewer, and no step is made beyond it", () => {
    const world = new StreamWorld();
    world.telemetry.appears("ada");
    const rates = [1, 10, 30];
    const viewers = rates.map((positionRate) => world.viewer({ positionRate, streams: ["agent.positions"] }));
    moving(world, 300);
    for (const viewer of viewers) viewer.forget();
    moving(world, 4_000);
    for (const [index, rate] of rates.entries()) {
      const told = viewers[index]?.texts("agent.positions").length ?? 0;
      expect(told, String(rate)).toBeGreaterThanOrEqual(4 * rate - 2);
      expect(told, String(rate)).toBeLessThanOrEqual(4 * rate + 2);
    }
    viewers[2]?.leaves();
    const before = world.telemetry.steps;
    moving(world, 1_000);
    expect(world.telemetry.steps - before).toBeLessThanOrEqual(12);
    world.stop();
  });

  it("end where all are, at every rate, and then nothing comes", () => {
    const world = new StreamWorld();
    for (const name of ["ada", "bob"]) world.telemetry.appears(name);
    const viewers = [1, 7, 10, 30].map((positionRate) => world.viewer({ positionRate, streams: ["agent.positions"] }));
    moving(world, 2_500);
    world.telemetry.moves("ada", -1);
    world.pass(1_100);
    for (const viewer of viewers) {
      expect(places(viewer).at(-1)).toBe(-1);
      viewer.forget();
    }
    world.pass(3_000);
    for (const viewer of viewers) expect(viewer.frames).toEqual([]);
    world.stop();
  });

  it("are written once for all who have the same form, whatever their rates are", () => {
    const world = new StreamWorld();
    world.telemetry.appears("ada");
    for (let positionRate = 1; positionRate <= 30; positionRate += 1)
      for (let each = 0; each < 3; each += 1)
        world.viewer({ positionRate, binary: true, streams: ["agent.positions"] });
    moving(world, 1_500);
    const before = world.broadcasts;
    moving(world, 1_000);
    // What is new, and what those have missed who are told less often.
    expect(world.broadcasts - before).toBeLessThanOrEqual(2 * 30 + 2);
    world.stop();
  });
});

describe("messages", () => {
  it("are all told up to 500 a second, and beyond it one of so many", () => {
    const world = new StreamWorld();
    const viewer = world.viewer({ streams: ["message.sent"] });
    world.pass(100);
    for (let each = 0; each < 400; each += 1) world.telemetry.says({});
    world.pass(100);
    expect(viewer.texts("message.sent")).toHaveLength(400);
    expect(viewer.texts("message.sent").every(({ metadata }) => metadata === undefined)).toBe(true);
    world.pass(2_000);
    viewer.forget();
    for (let at = 0; at < 10_000; at += 10) {
      for (let each = 0; each < 50; each += 1) world.telemetry.says({});
      world.pass(10);
    }
    world.pass(1_500);
    const told = viewer.texts("message.sent");
    expect(told.length).toBeGreaterThan(4_000);
    expect(told.length).toBeLessThanOrEqual(5_800);
    const stoodFor = told.reduce((sum, { metadata }) => sum + Number(metadata?.["sampled"] ?? 1), 0);
    expect(stoodFor).toBe(50_000);
    world.stop();
  });

  it("never pass 500 in any second, and stand for all that was said", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 120 }), (ticks) => {
        const sampler = new Sampler("inspect");
        const told: number[] = [];
        let weight = 0;
        for (const said of [...ticks, ...Array<number>(40).fill(0)]) {
          for (let each = 0; each < said; each += 1) sampler.hear(one);
          const taken = sampler.take();
          told.push(taken.length);
          weight += taken.reduce((sum, { sampled }) => sum + sampled, 0);
        }
        expect(weight).toBe(ticks.reduce((sum, said) => sum + said, 0));
        for (let from = 0; from < told.length; from += 1)
          expect(told.slice(from, from + 30).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(500);
      }),
    );
  });

  it("are shown with as much of them as the viewer may see", () => {
    const world = new StreamWorld();
    const [observer, inspector] = [world.viewer({ insight: "observe" }), world.viewer()];
    world.pass(100);
    for (const privacy of ["public", "direct", "hidden"] as const)
      world.telemetry.says({ privacy, messageId: privacy });
    world.telemetry.says({ privacy: "hidden", messageId: "sealed", content: undefined });
    world.pass(100);
    const contents = (viewer: TestViewer): unknown[] =>
      viewer.texts("message.sent").map(({ payload }) => [payload["messageId"], payload["content"]]);
    const hello = { message: "hello" };
    expect(contents(observer)).toEqual([
      ["public", hello],
      ["direct", null],
    ]);
    expect(contents(inspector)).toEqual([
      ["public", hello],
      ["direct", hello],
      ["hidden", hello],
      ["sealed", { sealed: true }],
    ]);
    world.telemetry.flows({ hidden: true });
    world.telemetry.flows({ from: "bob" });
    world.pass(1_000);
    expect(observer.texts("message.flow.stats")).toHaveLength(1);
    expect(inspector.texts("message.flow.stats")).toHaveLength(2);
    world.stop();
  });
});

describe("figures", () => {
  it("are told 1,000 a second, in turn, and to a new viewer from the start", () => {
    const world = new StreamWorld();
    for (let each = 0; each < 1_500; each += 1) {
      world.telemetry.appears(`a${String(each)}`);
      world.telemetry.works(`a${String(each)}`);
    }
    const first = world.viewer({ streams: ["agent.performance.update"] });
    const counts: number[] = [];
    for (let second = 0; second < 4; second += 1) {
      world.pass(1_000);
      counts.push(first.texts("agent.performance.update").length);
      first.forget();
    }
    expect(Math.max(...counts)).toBe(1_000);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1_500);
    const second = world.viewer({ streams: ["agent.performance.update"], binary: true });
    world.pass(4_000);
    expect(second.binaries().filter(({ type }) => type === "metrics")).toHaveLength(1_500);
    expect(first.texts("agent.performance.update")).toEqual([]);
    world.stop();
  });
});

const one: Said = {
  messageId: "m",
  from: "ada",
  to: "bob",
  type: "inform",
  priority: "NORMAL",
  content: { message: "" },
  expiresAt: undefined,
  at: 0,
  privacy: "public",
  sampled: 1,
};
