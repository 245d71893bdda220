import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TelemetryWorld } from "../kit/telemetry-world.js";

const names = ["ada", "bob", "eve"] as const;
const agent = fc.constantFrom(...names);
const step = fc.oneof(
  fc.record({
    does: fc.constant("asks" as const),
    from: agent,
    to: agent,
    waitMs: fc.option(fc.integer({ min: 1, max: 5_000 })),
  }),
  fc.record({ does: fc.constant("answers" as const), pick: fc.nat(), names: fc.boolean(), fails: fc.boolean() }),
  fc.record({ does: fc.constant("comes or goes" as const), who: agent }),
  fc.record({ does: fc.constant("waits" as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
);

/** A request that is open, as a reader of the document would note it. */
interface Note {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly until: number;
  readonly isTimed: boolean;
  owed: boolean;
}

/** Says the states by going through all notes each time. */
class NaiveStates {
  notes: Note[] = [];
  readonly failed = new Set<string>();
  readonly here = new Set<string>(names);

  expire(now: number): void {
    for (const { to, isTimed, owed } of this.notes.filter(({ until }) => until <= now))
      if (owed && isTimed) this.failed.add(to);
    this.notes = this.notes.filter(({ until }) => until > now);
  }

  answer(from: string, to: string, id: string | undefined, fails: boolean): void {
    const at = this.notes.findIndex(
      (note) => note.from === to && note.to === from && (id === undefined || id === note.id),
    );
    const [note] = at === -1 ? [] : this.notes.splice(at, 1);
    if (note?.owed !== true) return;
    if (fails) this.failed.add(from);
    else this.failed.delete(from);
  }

  goes(name: string): void {
    this.here.delete(name);
    this.failed.delete(name);
    this.notes = this.notes.filter(({ from }) => from !== name);
    for (const note of this.notes) if (note.to === name) note.owed = false;
  }

  of(name: string): string {
    if (!this.here.has(name)) return "OFFLINE";
    if (this.notes.some(({ to, owed }) => owed && to === name)) return "EXECUTING";
    if (this.notes.some(({ from }) => from === name)) return "WAITING";
    return this.failed.has(name) ? "ERROR" : "IDLE";
  }
}

describe("states of agents", () => {
  it("are what a naive model says after whatever is asked, answered, late, and whoever comes and goes", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new TelemetryWorld();
        const model = new NaiveStates();
        for (const name of names) world.arrive(name);
        world.telemetry.look("agents");
        for (const one of steps) {
          if (one.does === "asks" && model.here.has(one.from) && model.here.has(one.to)) {
            const id = world.ask(one.from, one.to, one.waitMs === null ? {} : { wait_ms: one.waitMs });
            const until = world.clock.monotonic() + (one.waitMs ?? 30_000);
            model.notes.push({ id, from: one.from, to: one.to, until, isTimed: one.waitMs !== null, owed: true });
          } else if (one.does === "answers") {
            const answerable = model.notes.filter(({ from, to }) => model.here.has(from) && model.here.has(to));
            const note = answerable[one.pick % Math.max(answerable.length, 1)];
            if (note === undefined) continue;
            const id = one.names ? note.id : undefined;
            world.answer(note.to, note.from, id, one.fails ? { error: "no" } : undefined);
            model.answer(note.to, note.from, id, one.fails);
          } else if (one.does === "comes or goes") {
            if (model.here.has(one.who)) {
              world.depart(one.who);
              model.goes(one.who);
            } else {
              world.arrive(one.who);
              model.here.add(one.who);
            }
          } else if (one.does === "waits") {
            world.clock.advance(one.ms);
            model.expire(world.clock.monotonic());
          }
          expect(names.map((name) => world.state(name))).toEqual(names.map((name) => model.of(name)));
        }
        for (const name of model.here) world.depart(name);
        // What those who have gone still owe is forgotten in its time, and nothing is counted once nobody looks.
        world.clock.advance(60_000);
        world.telemetry.close();
        expect([world.clock.waiting, world.failed]).toEqual([0, []]);
      }),
      { numRuns: 300 },
    );
  });
});
