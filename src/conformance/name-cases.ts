import assert from "node:assert/strict";
import type { ConformanceCase, Speaker } from "./subject.js";

const section = "names";

/** Names of agents may hold everything that could part the fields of a frame. */
const strange = ["Ada, the 2nd", "a:b", "a|b", "a\\b", "say bob hi", '"}', "ada/../bob", "Zoë 🦀"];

/** What agents are called, and what happens when that changes. */
export function nameCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook, subject } = speaker;
  const cases: ConformanceCase[] = [
    {
      section,
      name: "lets agents answer somebody whose name holds spaces, commas and colons",
      async run() {
        for (const from of strange) {
          const world = speaker.world();
          const heardBack = world.neighbour(from);
          const bob = await speaker.enters(world, "bob");
          world.submit({ from, to: bob.name, content: { message: "hello" } });
          await bob.client.settles();
          const heard = bob.client.connection.frames.find((frame) => phrasebook.textOf(frame) === "hello");
          assert(heard !== undefined, `what ${from} says is heard`);
          await bob.client.says(phrasebook.say(subject.senderOf(heard) ?? "", "back"));
          assert.deepEqual(heardBack, [`${bob.name}: back`], `${from} is answered by the name that was heard`);
          world.expectSound();
        }
      },
    },
    {
      section,
      name: "carries text to and from an agent with such a name, or refuses its login",
      async run() {
        for (const wanted of strange) {
          const world = speaker.world();
          const bob = await speaker.enters(world, "bob");
          const { client, name } = await speaker.tries(
            world,
            wanted,
            speaker.has("tokens") ? `own ${wanted}` : undefined,
          );
          if (name === undefined) {
            assert(speaker.refusals({ client }).length > 0, `${wanted} is refused, and told so`);
            continue;
          }
          await bob.client.says(phrasebook.say(name, "there"));
          assert.deepEqual(speaker.texts({ client }), ["there"], `${wanted} hears`);
          await client.says(phrasebook.say(bob.name, "back"));
          const heard = bob.client.connection.frames.find((frame) => phrasebook.textOf(frame) === "back");
          assert.equal(heard && subject.senderOf(heard), name, `${wanted} is heard under its name`);
          world.expectSound();
        }
      },
    },
  ];
  const { rename } = subject;
  if (rename === undefined) return cases;
  cases.push(
    {
      section,
      name: "renames: the new name is heard, the old one is free, rooms are kept",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        await ada.client.says(subject.join("#general"));
        await ada.client.says(rename("zoe"));
        assert.equal(world.directory.agent("ada"), undefined, "the old name is free");
        assert.deepEqual(world.directory.members("#general", undefined), ["zoe"]);
        await bob.client.says(phrasebook.say("zoe", "to the new name"));
        assert.deepEqual(speaker.texts(ada), ["to the new name"]);
        const before = speaker.refusals(bob).length;
        await bob.client.says(phrasebook.say("ada", "to the old name"));
        assert.equal(speaker.refusals(bob).length, before + 1, "nobody is reached by the old name");
        await ada.client.says(phrasebook.say(bob.name, "from the new name"));
        const heard = bob.client.connection.frames.find((frame) => phrasebook.textOf(frame) === "from the new name");
        assert.equal(heard && subject.senderOf(heard), "zoe");
        world.expectSound();
      },
    },
    {
      section,
      name: "renames nobody to a name that is another's, protected or reserved",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        world.identity.protectedNames.add("carol");
        for (const taken of [bob.name, "carol", "$broker", "#general", "all", "system", "control-1", ""]) {
          const before = speaker.refusals(ada).length;
          await ada.client.says(rename(taken));
          assert.equal(speaker.refusals(ada).length, before + 1, `the name ${JSON.stringify(taken)} is refused`);
          assert(world.directory.agent(ada.name) !== undefined, "a refused rename leaves the old name");
          world.clock.advance(60_000);
        }
        await ada.client.says(phrasebook.say(bob.name, "still me"));
        assert.deepEqual(speaker.texts(bob), ["still me"]);
        world.expectSound();
      },
    },
    {
      section,
      name: "makes renaming cost something, and a new name no new allowance",
      async run() {
        const world = speaker.world();
        const ada = await speaker.enters(world, "ada");
        for (let turn = 0; turn < 300 && speaker.refusals(ada).length === 0; turn += 1)
          await ada.client.says(rename(`ada-${String(turn)}`));
        assert.equal(speaker.refusals(ada)[0], speaker.codeOf("rate-limited"), "300 renames in no time are refused");
      },
    },
  );
  return cases;
}
