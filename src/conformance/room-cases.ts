import assert from "node:assert/strict";
import { principal } from "../core/index.js";
import type { ConformanceCase, Speaker } from "./subject.js";

/** Rooms: whoever is inside hears, whoever is outside does not; the past only where it is asked for. */
export function roomCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook, subject } = speaker;
  const room = "#general"; // there from the beginning, so that no dialect has to make it
  const cases: ConformanceCase[] = [
    {
      section: "rooms",
      name: "lets members hear what is said in a room, and nobody else",
      async run() {
        const world = speaker.world();
        const [ada, bob, eve] = [
          await speaker.enters(world, "ada"),
          await speaker.enters(world, "bob"),
          await speaker.enters(world, "eve"),
        ];
        for (const { client } of [ada, bob]) await client.says(subject.join(room));
        assert.deepEqual([...world.directory.members(room, undefined)].sort(), [ada.name, bob.name].sort());
        await ada.client.says(phrasebook.say(room, "to those inside"));
        assert.deepEqual(speaker.texts(bob), ["to those inside"]);
        assert.deepEqual(speaker.texts(eve), []);
        world.expectSound();
      },
    },
    {
      section: "rooms",
      name: "lets nobody hear a room that it has left",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        for (const { client } of [ada, bob]) await client.says(subject.join(room));
        await bob.client.says(subject.leave(room));
        assert.deepEqual(world.directory.members(room, undefined), [ada.name]);
        await ada.client.says(phrasebook.say(room, "after the leave"));
        assert.deepEqual(speaker.texts(bob), []);
        world.expectSound();
      },
    },
    {
      section: "rooms",
      name: "keeps an invite-only room closed: an outsider neither joins, nor speaks, nor hears",
      async run() {
        const world = speaker.world();
        const owner = world.directory.arrive({
          principal: principal("owner", "proved", { proof: "x" }),
          dialect: "own",
        });
        await world.directory.create(owner, "#secret", { inviteOnly: true });
        const eve = await speaker.enters(world, "eve");
        const { routed } = world.ledger.messages;
        for (const frame of [subject.join("#secret"), phrasebook.say("#secret", "let me in")]) {
          const before = speaker.refusals(eve).length;
          await eve.client.says(frame);
          assert.equal(speaker.refusals(eve).length, before + 1, "the outsider is refused");
        }
        assert.equal(world.ledger.messages.routed, routed);
        assert.deepEqual(world.directory.members("#secret", owner.principal), ["owner"]);
        owner.depart();
      },
    },
    {
      section: "history",
      name: "replays nothing to a member that has not asked for the past",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        await ada.client.says(subject.join(room));
        await ada.client.says(phrasebook.say(room, "before"));
        await bob.client.says(subject.join(room));
        assert.deepEqual(speaker.texts(bob), []);
      },
    },
  ];
  const { joinWithHistory } = subject;
  if (!speaker.has("history")) return cases;
  cases.push({
    section: "history",
    name: "replays the last messages, oldest first, to a member that asks",
    async run() {
      assert(joinWithHistory !== undefined, "joinWithHistory is missing, and history is not declared as left out");
      const world = speaker.world();
      const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
      await ada.client.says(subject.join(room));
      for (const text of ["one", "two", "three"]) await ada.client.says(phrasebook.say(room, text));
      await bob.client.says(joinWithHistory(room, 2));
      assert.deepEqual(speaker.texts(bob), ["two", "three"]);
      world.expectSound();
    },
  });
  return cases;
}
