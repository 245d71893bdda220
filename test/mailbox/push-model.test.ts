import assert from "node:assert/strict";
import fc from "fast-check";
import { Fault } from "../../src/core/index.js";
import { MailStoreMemory, type MailStore } from "../../src/mailbox/index.js";
import { agreesWithModel } from "../kit/mail-model.js";
import { MailWorld, turns, type FakeOwner } from "../kit/mail-world.js";

/** What happens, in random order. */
type Step =
  | { readonly does: "say"; readonly who: 0 | 1 | 2; readonly type: "inform" | "request"; readonly lives: number }
  | {
      readonly does: "arrive" | "leave" | "prove" | "answer" | "restart" | "fail" | "mend" | "mode" | "commit" | "keep";
    }
  | { readonly does: "slow" | "turn" }
  | { readonly does: "wait"; readonly ms: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant("say" as const),
      who: fc.constantFrom(0 as const, 1 as const, 2 as const),
      type: fc.constantFrom("inform" as const, "request" as const),
      lives: fc.constantFrom(0, 0, 0, 5_000),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ does: "arrive" as const }) },
  { weight: 3, arbitrary: fc.constant({ does: "leave" as const }) },
  { weight: 6, arbitrary: fc.constant({ does: "prove" as const }) },
  { weight: 6, arbitrary: fc.constant({ does: "turn" as const }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { does: "restart" as const },
      { does: "fail" as const },
      { does: "mend" as const },
      { does: "mode" as const },
      { does: "slow" as const },
      { does: "commit" as const },
      { does: "keep" as const },
      { does: "answer" as const },
    ),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("wait" as const), ms: fc.constantFrom(50, 1_000, 6_000) }) },
);

const senders = ["ada", "eve", "zoe"] as const;

interface Known {
  readonly id: string;
  readonly from: string;
  /** Of this sender, rising. */
  readonly number: number;
  readonly expiresAt: number;
  state: "taken" | "proved" | "gone";
}

/** The naive model: what was said, and what somebody has proved to have read. */
class Model {
  readonly said = new Map<string, Known>();
  readonly owners: { readonly owner: FakeOwner; seen: number; readonly late: Set<string> }[] = [];
  mode: "push" | "take" = "push";
  #count = 0;

  say(world: MailWorld, step: Extract<Step, { does: "say" }>): void {
    const from = senders[step.who];
    const number = (this.#count += 1);
    const id = `${from}-${String(number)}`;
    const expiresAt = step.lives === 0 ? Infinity : world.clock.now() + step.lives;
    const outcome = world.say({
      message_id: id,
      from,
      type: step.type,
      receipt: ["stored", "settled"],
      ...(step.lives > 0 && { expires_at: new Date(expiresAt).toISOString() }),
    });
    if (outcome instanceof Fault) assert.match(outcome.code, /full|unavailable/);
    else this.said.set(id, { id, from, number, expiresAt, state: "taken" });
  }

  /** Everything that a connection was given since: nothing proved, nothing unknown, each sender's words in order. */
  look(): void {
    for (const seen of this.owners) {
      const { owner } = seen;
      for (; seen.seen < owner.given.length; seen.seen += 1) {
        const { id, attempt } = owner.given[seen.seen] ?? { id: "", attempt: 0 };
        const known = this.said.get(id);
        assert(known !== undefined, `${id} was never taken`);
        assert.notEqual(known.state, "proved", `${id} is delivered again after it was proved`);
        assert.equal(owner.ids.indexOf(id), seen.seen, `${id} twice on one connection`);
        assert(attempt >= 1);
        if (seen.late.has(id)) continue;
        const before = owner.given.slice(0, seen.seen).filter((other) => other.from === known.from);
        for (const { id: other } of before)
          if (!seen.late.has(other))
            assert((this.said.get(other)?.number ?? 0) < known.number, `${id} comes after ${other}`);
      }
    }
  }

  /** What could not be kept was told, and nobody has got it. */
  refusals({ told }: MailWorld): void {
    for (const { notice } of told.splice(0)) {
      const known = this.said.get(notice.inReplyTo ?? "");
      if (notice.code !== "unavailable" || known === undefined) continue;
      assert(!this.owners.some(({ owner }) => owner.ids.includes(known.id)), `${known.id} was given to somebody`);
      known.state = "gone";
    }
  }

  proves(owner: FakeOwner, world: MailWorld): void {
    const isListening = this.mode === "push";
    const before = new Set([...this.said.values()].filter(({ state }) => state === "taken").map(({ id }) => id));
    const proved = owner.proves() ?? [];
    if (!isListening) return;
    for (const id of proved) {
      const known = this.said.get(id);
      if (known !== undefined && before.has(id) && known.expiresAt > world.clock.now()) known.state = "proved";
    }
  }
}

async function run(disk: MailStore, script: readonly Step[]): Promise<void> {
  let world = await MailWorld.start(disk, { mailWindowMin: 2, mailWindowMax: 4, mailMax: 24 });
  await world.open();
  const model = new Model();
  const check = (): void => {
    model.refusals(world);
    model.look();
    world.sound();
    const { waiting, leased } = world.counts;
    assert(waiting + leased <= 24);
    for (const { owner } of model.owners) assert(owner.questions.length <= 1 || !owner.isOpen);
  };
  for (const step of script) {
    const [first] = model.owners;
    const last = model.owners.at(-1);
    if (step.does === "say") model.say(world, step);
    else if (step.does === "arrive" && model.owners.length < 3) {
      // What waits goes to the one that came last: an older one gets it only when that has left, behind newer words.
      for (const { owner, late } of model.owners)
        for (const { id, state } of model.said.values()) if (state === "taken" && !owner.ids.includes(id)) late.add(id);
      model.owners.push({ owner: world.owner(), seen: 0, late: new Set() });
    } else if (step.does === "leave") {
      const gone = model.owners.length > 1 && step.does.length % 2 === 1 ? first : last;
      gone?.owner.end();
      if (gone !== undefined) model.owners.splice(model.owners.indexOf(gone), 1);
    } else if (step.does === "prove" && first !== undefined) {
      const { owner } = model.owners[model.said.size % model.owners.length] ?? first;
      model.proves(owner, world);
    } else if (step.does === "restart") {
      // What a disk that fails was not given is delivered again: it comes back before the end.
      await world.store.keep();
      world.store.mood = "well";
      await world.store.settled();
      world.clock.advance(1_001);
      await world.store.settled();
      const { counts } = world;
      model.refusals(world);
      world = await world.killed();
      model.owners.length = 0;
      assert.deepEqual(world.counts, counts);
    } else if (step.does === "fail") {
      await world.store.keep();
      await world.store.settled();
      world.store.mood = "failing";
      model.look();
    } else if (step.does === "mend") {
      if (world.store.mood === "failing") world.store.mood = "well";
      await turns();
      world.clock.advance(1_001);
    } else if (step.does === "slow") {
      if (world.store.mood === "well" && disk instanceof MailStoreMemory) world.store.mood = "slow";
    } else if (step.does === "commit") await world.store.commit();
    else if (step.does === "keep") await world.store.keep();
    else if (step.does === "mode") {
      if (world.store.mood === "well") {
        model.mode = model.mode === "push" ? "take" : "push";
        await world.open("bob", { mode: model.mode });
        for (const { owner, late } of model.owners) {
          owner.questions.length = 0;
          owner.given.length = 0;
          late.clear();
        }
        for (const seen of model.owners) seen.seen = 0;
        for (const { owner, late } of model.owners.slice(0, -1))
          for (const { id, state } of model.said.values())
            if (state === "taken" && !owner.ids.includes(id)) late.add(id);
      }
    } else if (step.does === "wait") world.clock.advance(step.ms);
    if (step.does !== "say" && step.does !== "prove") await (step.does === "turn" ? world.store.settled() : turns(1));
    check();
  }
  // In the end everything that was taken, lives, and was not proved is delivered, in order.
  await world.store.keep();
  world.store.mood = "well";
  await world.store.settled();
  world.clock.advance(1_001);
  for (const { owner } of model.owners) owner.end();
  await world.store.settled();
  if (model.mode === "take") await world.open("bob", { mode: "push" });
  model.owners.length = 0;
  const heir = world.owner();
  model.owners.push({ owner: heir, seen: 0, late: new Set() });
  for (let at = 0; at < 30; at += 1) {
    await world.store.settled();
    check();
    heir.proves();
  }
  check();
  const now = world.clock.now();
  const left = [...model.said.values()].filter(({ state, expiresAt }) => state === "taken" && expiresAt > now);
  assert.deepEqual(
    heir.ids.filter((id) => (model.said.get(id)?.expiresAt ?? 0) > now),
    left.map(({ id }) => id),
  );
  const { counts } = world;
  assert.deepEqual([counts.waiting, counts.leased, counts.bytes], [0, 0, 0]);
  await world.stop();
}

agreesWithModel("push mode", {
  steps,
  run,
  memory: { maxLength: 80, numRuns: 100 },
  disk: { maxLength: 60, numRuns: 15 },
});
