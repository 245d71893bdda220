import assert from "node:assert/strict";
import { everyone, principal } from "../core/index.js";
import type { Frame } from "../dialect/index.js";
import type { ConformanceCase, Party, Speaker } from "./subject.js";

const section = "costs";
const room = "#general";
const flood = 300;
const listsMax = 300;

/** What a client says costs something: a flood is refused, a long list is dearer than a short one. */
export function costCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook, subject } = speaker;
  const limited = speaker.codeOf("rate-limited");
  const cases: ConformanceCase[] = [
    {
      section,
      name: "refuses a flood, in the word for it, and lets the same client speak again later",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        let said = 0;
        for (; said < flood && speaker.refusals(ada).length === 0; said += 1)
          await ada.client.says(phrasebook.say(bob.name, `text ${String(said)}`));
        assert(said < flood, `${String(flood)} texts in no time are not refused`);
        assert.equal(speaker.refusals(ada)[0], limited);
        assert.equal(speaker.texts(bob).length, said - 1, "what was not refused is heard");
        world.clock.advance(60_000);
        await ada.client.says(phrasebook.say(bob.name, "slower"));
        assert.equal(speaker.texts(bob).at(-1), "slower");
        world.expectSound();
      },
    },
    {
      section,
      name: "makes texts to rooms and to everybody cost something, too",
      async run() {
        for (const to of [room, everyone]) {
          const world = speaker.world();
          const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
          for (const { client } of [ada, bob]) await client.says(subject.join(room));
          await ada.client.says(phrasebook.say(to, "the first"));
          if (to === everyone && speaker.texts(bob).length === 0) continue; // no text to everybody in this dialect
          await expectRefused(ada, phrasebook.say(to, "more"));
        }
      },
    },
    {
      section,
      name: "makes each join and each leave cost something, too, with and without the past",
      async run() {
        for (const frame of [subject.join(room), subject.leave(room), subject.joinWithHistory?.(room, 2)]) {
          if (frame === undefined) continue;
          const world = speaker.world({ abuseRefusalsMax: 0 });
          const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
          await bob.client.says(subject.join(room));
          await bob.client.says(phrasebook.say(room, "the past"));
          await expectRefused(ada, frame);
        }
      },
    },
  ];
  if (speaker.has("agent-allowance"))
    cases.push({
      section,
      name: "gives an agent that connects again no new allowance",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        await expectRefused(ada, phrasebook.say(bob.name, "much"));
        await ada.client.vanishes();
        const again = await speaker.enters(world, "ada");
        await again.client.says(phrasebook.say(bob.name, "more"));
        assert.equal(speaker.refusals(again)[0], limited);
        assert(!speaker.texts(bob).includes("more"), "what is refused is not heard");
      },
    });
  if (!speaker.has("lists")) return cases;
  cases.push({
    section,
    name: "makes a long list cost more than a short one",
    async run() {
      const [short, long] = [await listsUntilRefused(0), await listsUntilRefused(1_500)];
      assert(short < listsMax, `${String(listsMax)} lists in no time are not refused`);
      assert(long < short, `as many long lists pass as short ones (${String(long)} of ${String(short)})`);
    },
  });
  return cases;

  /** Says a frame until it is refused as too often, and fails if it never is. */
  async function expectRefused(party: Party, frame: Frame): Promise<void> {
    const isLimited = (): boolean => speaker.refusals(party).some((code) => code === limited);
    for (let said = 0; said < flood && !isLimited(); said += 1) await party.client.says(frame);
    assert(isLimited(), `${String(flood)} times ${frame.toString()} in no time are not refused`);
  }

  /** How many lists pass before one is refused, with so many agents and rooms around. */
  async function listsUntilRefused(others: number): Promise<number> {
    const { list } = subject;
    assert(list !== undefined, "list is missing, and lists are not declared as left out");
    const world = speaker.world();
    for (let at = 0; at < others; at += 1) {
      const presence = world.directory.arrive({
        principal: principal(`other ${String(at)}`, "claimed"),
        dialect: "own",
      });
      world.directory.join(presence, `#room-${String(at)}`, { create: true });
    }
    const ada: Party = await speaker.enters(world, "ada");
    let passed = 0;
    for (; passed < listsMax; passed += 1) {
      await ada.client.says(list());
      if (speaker.refusals(ada).length > 0) break;
    }
    return passed;
  }
}
