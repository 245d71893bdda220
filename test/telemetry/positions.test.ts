import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { Positions } from "../../src/telemetry/positions.js";
import type { PositionFrame, SeenAgent } from "../../src/telemetry/telemetry.js";
import { overheard } from "./overheard.js";

const tickMs = 100;

class PositionWorld {
  readonly clock = new FakeClock();
  readonly agents = new Map<string, SeenAgent>();
  readonly positions = new Positions({ clock: this.clock, agent: (name) => this.agents.get(name) });
  #ids = 0;

  joins(...names: readonly string[]): void {
    for (const name of names) {
      const agent: SeenAgent = {
        id: (this.#ids += 1),
        name,
        displayName: name,
        dialect: "zmq",
        trust: "claimed",
        hidden: false,
        demo: false,
        state: "IDLE",
        since: 0,
      };
      this.agents.set(name, agent);
      this.positions.add(agent);
    }
  }

  leaves(name: string): void {
    this.agents.delete(name);
    this.positions.remove(name);
  }

  says(from: string, to: string, more: Parameters<typeof overheard>[3] = {}): void {
    this.positions.heard(overheard(from, to, this.clock.monotonic(), more));
  }

  step(): PositionFrame | undefined {
    this.clock.advance(tickMs);
    return this.positions.step();
  }

  /** Until nothing has moved for so long that nothing can be warm. @returns frames that were told */
  settle(): number {
    let told = 0;
    let silent = 0;
    for (let steps = 0; steps < 5_000; steps += 1) {
      silent = this.step() === undefined ? silent + 1 : 0;
      if (silent === 0) told += 1;
      if (silent === 200) return told;
    }
    throw new Error("it does not settle");
  }

  /** Where everybody is who is shown. */
  places(): Map<string, readonly number[]> {
    const frame = this.positions.all();
    const { count, values } = frame;
    return new Map(
      Array.from({ length: count }, (_, at) => [
        frame.agentAt(at)?.name ?? "?",
        [...values.subarray(at * 6, at * 6 + 3)],
      ]),
    );
  }

  far(one: string, other: string): number {
    const places = this.places();
    const [a = [], b = []] = [places.get(one), places.get(other)];
    return Math.hypot(...a.map((value, at) => value - (b[at] ?? NaN)));
  }
}

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `a${String(at)}`);

describe("positions", () => {
  it("say nothing of nobody, and all of a new agent once", () => {
    const world = new PositionWorld();
    expect(world.step()).toBeUndefined();
    expect(world.positions.all().count).toBe(0);
    world.joins("ada", "bob");
    const frame = world.step();
    expect([frame?.count, frame?.moved, [...(frame?.ids.subarray(0, 2) ?? [])]]).toEqual([2, [0, 1], [1, 2]]);
    expect([frame?.agentAt(0)?.name, frame?.agentAt(2)]).toEqual(["ada", undefined]);
    expect(world.settle()).toBeGreaterThan(10);
    expect(world.step(), "settled").toBeUndefined();
  });

  it("come to rest: the last that is told of each is that it stands still", () => {
    const world = new PositionWorld();
    world.joins(...names(20));
    for (const name of names(20)) world.says(name, "a0");
    const speeds = new Map<number, readonly number[]>();
    let moving = 0;
    for (let at = 0; at < 300; at += 1) {
      const frame = world.step();
      if (frame === undefined) continue;
      for (const index of frame.moved) speeds.set(index, [...frame.values.subarray(index * 6 + 3, index * 6 + 6)]);
      if ([...speeds.values()].some((speed) => speed.some((value) => value !== 0))) moving += 1;
    }
    expect(moving).toBeGreaterThan(50);
    expect([...speeds.values()]).toEqual(Array.from({ length: 20 }, () => [0, 0, 0]));
  });

  it("tell of speed in units a second, whatever the rate", () => {
    const world = new PositionWorld();
    world.joins("ada", "bob");
    world.says("ada", "bob");
    world.step();
    const before = world.places().get("ada") ?? [];
    const frame = world.step();
    const after = world.places().get("ada") ?? [];
    const way = Math.hypot(...after.map((value, at) => value - (before[at] ?? 0)));
    const speed = Math.hypot(...(frame?.values.subarray(3, 6) ?? []));
    expect(way).toBeGreaterThan(0);
    expect(speed).toBeCloseTo((way / tickMs) * 1_000, 1);
  });

  it("bring those together who talk, and those who speak in one room", () => {
    const world = new PositionWorld();
    world.joins(...names(40));
    const sender = { from: "a1", hidden: false, shared: false, at: 0, now: 0 };
    world.positions.counted("a21", 20, 2_000, sender);
    world.positions.counted("a30", 999, 9_999);
    for (const name of ["a5", "a25", "a35"]) for (let at = 0; at < 20; at += 1) world.says(name, "#crypto");
    world.settle();
    const spread = world.far("a0", "a20") + world.far("a10", "a30");
    expect(world.far("a1", "a21")).toBeLessThan(spread / 3);
    expect(Math.max(world.far("a5", "a25"), world.far("a25", "a35"))).toBeLessThan(spread / 2);
    expect(world.positions.all().count, "a room is no agent").toBe(40);
  });

  it("are not moved by what is hidden, said to all, or said by or to nobody that is shown", () => {
    const world = new PositionWorld();
    world.joins("ada", "bob", "eve");
    world.settle();
    for (let at = 0; at < 20; at += 1) {
      world.says("ada", "bob", { hidden: true, sealed: true });
      world.says("ada", "#secret", { hidden: true });
      world.says("ada", "all");
      world.says("ada", "nobody");
      world.says("nobody", "ada");
      world.says("ada", "ada");
    }
    for (let at = 0; at < 30; at += 1) expect(world.step()).toBeUndefined();
  });

  it("follow who talks of late, and not every message", () => {
    const world = new PositionWorld();
    world.joins("ada", "bob", "eve");
    world.settle();
    for (let at = 0; at < 100; at += 1) world.says("ada", "bob");
    expect(world.settle()).toBeGreaterThan(10);
    world.says("ada", "bob");
    world.clock.advance(1_000);
    expect(world.step(), "one more of a hundred").toBeUndefined();
    // Forgotten bit by bit: in the end nothing moves any more.
    for (let minute = 0; minute < 20; minute += 1) {
      world.clock.advance(60_000);
      world.settle();
    }
    world.clock.advance(600_000);
    expect(world.step()).toBeUndefined();
  });

  it("are what an agent reports, with its speed, as long as it is shown", () => {
    const world = new PositionWorld();
    world.joins("ada", "bob", "eve");
    world.settle();
    world.positions.report("ada", { x: 500, y: 0.25, z: -7, vx: 1, vy: 2, vz: 3 });
    world.positions.report("nobody", { x: 1, y: 1, z: 1 });
    const frame = world.step();
    expect(frame?.moved).toEqual([0]);
    expect([...(frame?.values.subarray(0, 6) ?? [])]).toEqual([500, 0.25, -7, 1, 2, 3]);
    world.settle();
    world.positions.report("ada", { x: 500, y: 0.25, z: -7, vx: 1, vy: 2, vz: 3 });
    expect(world.step(), "it says the same again").toBeUndefined();
    for (let at = 0; at < 50; at += 1) world.says("bob", "ada");
    world.settle();
    expect(world.places().get("ada")).toEqual([500, 0.25, -7]);
    expect(world.far("bob", "ada")).toBeLessThan(80);
    expect(world.far("eve", "ada")).toBeGreaterThan(300);
    world.positions.report("ada", { x: NaN, y: Infinity, z: -1e300 });
    expect([...(world.step()?.values.subarray(0, 6) ?? [])]).toEqual([0, 1e6, -1e6, 0, 0, 0]);
  });

  it("leave the others where they are when somebody comes or goes", () => {
    const world = new PositionWorld();
    world.joins(...names(30));
    for (const name of names(30)) for (let at = 0; at < 5; at += 1) world.says(name, "a3");
    world.settle();
    const before = world.places();
    world.leaves("a7");
    world.joins("new");
    world.says("new", "a12");
    world.settle();
    const after = world.places();
    expect([after.has("a7"), after.has("new"), after.size]).toEqual([false, true, 30]);
    const ways = [...before]
      .filter(([name]) => name !== "a7")
      .map(([name, place]) => {
        const now = after.get(name) ?? [];
        return Math.hypot(...place.map((value, at) => value - (now[at] ?? NaN)));
      });
    expect(ways.sort((a, b) => a - b)[14], "half of them less than this").toBeLessThan(15);
    expect(Math.max(...ways)).toBeLessThan(150);
  });

  it("are the same for the same story", () => {
    const [one, other] = [new PositionWorld(), new PositionWorld()].map((world) => {
      world.joins(...names(25));
      for (let at = 0; at < 200; at += 1) {
        world.says(`a${String(at % 25)}`, `a${String((at * 7) % 25)}`);
        if (at % 3 === 0) world.step();
      }
      world.settle();
      return world.places();
    });
    expect(one).toEqual(other);
  });

  it("have each agent once, by its number, whoever comes and goes", () => {
    const name = fc.constantFrom("ada", "bob", "eve", "__proto__", "zoë");
    const event = fc.oneof(
      fc.record({ do: fc.constant("joins" as const), name }),
      fc.record({ do: fc.constant("leaves" as const), name }),
      fc.record({ do: fc.constant("says" as const), name, to: fc.oneof(name, fc.constantFrom("#a", "#b")) }),
      fc.record({ do: fc.constant("reports" as const), name, x: fc.double({ noNaN: false }) }),
      fc.record({ do: fc.constant("steps" as const), times: fc.integer({ min: 1, max: 25 }) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const world = new PositionWorld();
        const told = new Map<string, readonly number[]>();
        for (const one of events) {
          if (one.do === "joins") {
            if (!world.agents.has(one.name)) world.joins(one.name);
          } else if (one.do === "leaves") {
            world.leaves(one.name);
            told.delete(one.name);
          } else if (one.do === "says") world.says(one.name, one.to);
          else if (one.do === "reports") world.positions.report(one.name, { x: one.x, y: 0, z: 0 });
          else {
            for (let at = 0; at < one.times; at += 1) {
              const frame = world.step();
              for (const index of frame?.moved ?? []) {
                const agent = frame?.agentAt(index);
                expect(agent?.id).toBe(frame?.ids[index]);
                told.set(agent?.name ?? "?", [...(frame?.values.subarray(index * 6, index * 6 + 3) ?? [])]);
              }
            }
            expect(told, "who has heard all that was told knows where everybody is").toEqual(world.places());
          }
        }
        const { count, ids, values } = world.positions.all();
        expect(new Set(ids.subarray(0, count))).toEqual(new Set([...world.agents.values()].map(({ id }) => id)));
        expect(values.subarray(0, count * 6).every((value) => Math.abs(value) <= 1e6)).toBe(true);
      }),
      { seed: 21, numRuns: 200 },
    );
  });
});
