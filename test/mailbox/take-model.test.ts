import assert from "node:assert/strict";
import fc from "fast-check";
import { Fault } from "../../src/core/index.js";
import type { MailStore } from "../../src/mailbox/index.js";
import { agreesWithModel } from "../kit/mail-model.js";
import { MailWorld, type FakeOwner } from "../kit/mail-world.js";

const priorities = ["HIGH", "NORMAL", "LOW"] as const;
const pausesMs = [60_000, 300_000, 1_800_000, 1_800_000];

type Step =
  | { readonly does: "say"; readonly priority: 0 | 1 | 2; readonly lives: number }
  | { readonly does: "take"; readonly max: number; readonly leaseMs: number }
  | { readonly does: "done" | "refuse" | "extend" | "redeliver" | "answer"; readonly which: number }
  | { readonly does: "release"; readonly which: number; readonly delayMs: number }
  | { readonly does: "come" | "go" | "restart" | "strange" }
  | { readonly does: "wait"; readonly seconds: number };

const which = fc.nat(30);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant("say" as const),
      priority: fc.constantFrom(0 as const, 1 as const, 2 as const),
      lives: fc.constantFrom(0, 0, 0, 100_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant("take" as const),
      max: fc.integer({ min: 1, max: 4 }),
      leaseMs: fc.constantFrom(10_000, 120_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constantFrom(
        "done" as const,
        "refuse" as const,
        "extend" as const,
        "redeliver" as const,
        "answer" as const,
      ),
      which,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("release" as const),
      which,
      delayMs: fc.constantFrom(0, 0, 5_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constantFrom("come" as const, "go" as const, "restart" as const, "strange" as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ does: fc.constant("wait" as const), seconds: fc.constantFrom(1, 12, 130, 400, 1_400) }),
  },
);

interface Known {
  readonly id: string;
  readonly order: number;
  readonly priority: 0 | 1 | 2;
  readonly expiresAt: number;
  delivery: string | undefined;
  state: "waiting" | "leased" | "done" | "refused" | "answered" | "expired" | "dead";
  attempts: number;
  /** Monotonic: when the lease or the pause ends; and how long it is. */
  until: number;
  forMs: number;
}

/** The naive model of take mode: a list, and the rules of protocols §9. */
class Model {
  readonly all: Known[] = [];
  isHere = false;
  now = 0;
  wall = 0;

  /** A second passes, as the sweep sees it: first leases and pauses, then what has expired. */
  tick(): void {
    for (const known of this.all) {
      if (known.until > 0 && known.until <= this.now) this.#timeIsOver(known);
      // A request that was done with and not answered is given up then.
      const isOpen = known.state === "waiting" || known.state === "leased" || known.state === "done";
      if (isOpen && known.expiresAt <= this.wall) known.state = "expired";
    }
  }

  #timeIsOver(known: Known): void {
    known.until = 0;
    if (known.state !== "leased") return;
    if (this.isHere) this.return(known, pausesMs[known.attempts - 1] ?? 0);
    else {
      known.attempts -= 1;
      known.state = "waiting";
    }
  }

  return(known: Known, pauseMs: number): void {
    if (known.attempts >= 5) known.state = "dead";
    else {
      known.state = "waiting";
      this.time(known, pauseMs);
    }
  }

  time(known: Known, ms: number): void {
    known.forMs = ms;
    known.until = ms === 0 ? 0 : this.now + ms;
  }

  take(max: number, leaseMs: number): readonly Known[] {
    const ready = this.all
      .filter(({ state, until }) => state === "waiting" && until <= this.now)
      .sort((one, other) => one.priority - other.priority || one.order - other.order);
    const taken: Known[] = [];
    for (const known of ready) {
      if (taken.length === max) break;
      if (known.expiresAt <= this.wall) {
        known.state = "expired";
        continue;
      }
      known.attempts += 1;
      known.state = "leased";
      this.time(known, leaseMs);
      taken.push(known);
    }
    return taken;
  }

  /** Another process: leases and pauses begin anew. */
  restart(): void {
    this.isHere = false;
    this.now = 0;
    for (const known of this.all) if (known.until > 0) this.time(known, known.forMs);
  }
}

async function run(disk: MailStore, script: readonly Step[]): Promise<void> {
  let world = await MailWorld.start(disk);
  await world.open("bob", { mode: "take" });
  const model = new Model();
  model.wall = world.clock.now();
  let owner: FakeOwner | undefined;
  const named = (at: number): Known | undefined => {
    const taken = model.all.filter(({ delivery }) => delivery !== undefined);
    return taken[at % Math.max(taken.length, 1)];
  };
  for (const step of script) {
    const { taking } = world.box();
    const lives = (known: Known): boolean => known.state === "waiting" || known.state === "leased";
    if (step.does === "say") {
      const id = `m${String(model.all.length)}`;
      const expiresAt = step.lives === 0 ? Infinity : model.wall + step.lives;
      const outcome = world.say({
        message_id: id,
        from: `agent${String(model.all.length % 5)}`,
        type: "request",
        priority: priorities[step.priority],
        ...(step.lives > 0 && { expires_at: new Date(expiresAt).toISOString() }),
      });
      assert(!(outcome instanceof Fault));
      const { priority } = step;
      const fresh = { delivery: undefined, state: "waiting" as const, attempts: 0, until: 0, forMs: 0 };
      model.all.push({ id, order: model.all.length, priority, expiresAt, ...fresh });
      await world.store.settled();
    } else if (step.does === "take") {
      const expected = model.take(step.max, step.leaseMs);
      const taken = await world.take(step);
      assert.deepEqual(
        taken.map(({ id, envelope }) => [id, envelope.$broker?.attempt]),
        expected.map(({ id, attempts }) => [id, attempts]),
      );
      for (const [at, known] of expected.entries()) {
        assert(known.delivery === undefined || known.delivery === taken[at]?.delivery, "the delivery id stays");
        known.delivery = taken[at]?.delivery;
      }
    } else if (step.does === "come") {
      owner ??= world.owner();
      model.isHere = true;
    } else if (step.does === "go") {
      owner?.end();
      owner = undefined;
      model.isHere = false;
    } else if (step.does === "restart") {
      await world.store.settled();
      const { counts } = world;
      world = await world.killed();
      assert.deepEqual(world.counts, counts);
      owner = undefined;
      model.restart();
      world.box().load();
    } else if (step.does === "strange") {
      const [first] = taking.done([`1-${"0".repeat(32)}`, "", "zzzzzzzzzz-", `zzzzzzzzzz-${"f".repeat(32)}`]);
      assert.equal(first?.state, "unknown");
    } else if (step.does === "wait") {
      for (let second = 0; second < step.seconds; second += 1) {
        model.now += 1_000;
        model.wall += 1_000;
        world.clock.advance(1_000);
        model.tick();
      }
    } else if ("which" in step) {
      const known = named(step.which);
      if (known?.delivery === undefined) continue;
      const ids = [known.delivery, known.delivery];
      if (step.does === "done") {
        if (lives(known)) known.state = "done";
        assert.deepEqual(
          taking.done(ids).map(({ state }) => state),
          [known.state, known.state],
        );
      } else if (step.does === "refuse") {
        if (lives(known)) known.state = "refused";
        assert.equal(taking.refuse(ids, "no")[0]?.state, known.state);
      } else if (step.does === "extend") {
        if (known.state === "leased") model.time(known, 60_000);
        assert.equal(taking.extend(ids, 60_000)[0]?.state, known.state);
      } else if (step.does === "release") {
        if (known.state === "leased" && step.delayMs > 0) model.return(known, step.delayMs);
        else if (known.state === "leased") {
          known.attempts -= 1;
          known.state = "waiting";
          known.until = 0;
        }
        assert.equal(taking.release(ids, step.delayMs)[0]?.state, known.state);
      } else if (step.does === "redeliver") {
        if (known.state === "dead" && known.expiresAt > model.wall) {
          Object.assign(known, { state: "waiting", attempts: 0, until: 0 });
        }
        assert.equal(taking.redeliver(ids)[0]?.state, known.state);
      } else {
        // An answer of the owner's settles its request.
        const asker = `agent${String(model.all.indexOf(known) % 5)}`;
        const ear = world.owner(undefined, asker);
        world.say({ from: "bob", to: asker, type: "response", in_reply_to: known.id });
        ear.end();
        if (lives(known) || known.state === "done") known.state = "answered";
      }
      await world.store.settled();
    }
    world.sound();
    const { counts } = world;
    const count = (state: Known["state"]): number => model.all.filter((known) => known.state === state).length;
    for (const state of ["waiting", "leased", "done", "refused", "answered", "expired", "dead"] as const)
      assert.equal(counts[state], count(state), state);
  }
  owner?.end();
  await world.stop();
}

agreesWithModel("take mode", {
  steps,
  run,
  memory: { maxLength: 60, numRuns: 100 },
  disk: { maxLength: 40, numRuns: 10 },
});
