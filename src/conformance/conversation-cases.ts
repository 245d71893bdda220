import assert from "node:assert/strict";
import { brokerTopic, everyone } from "../core/index.js";
import type { ConformanceCase, Speaker } from "./subject.js";

const section = "conversation";
const room = "#general";

/** What every agent expects of a dialect: it logs in, is heard, and leaves. */
export function conversationCases(speaker: Speaker): readonly ConformanceCase[] {
  const { dialect, phrasebook, subject } = speaker;
  return [
    {
      section,
      name: "logs in and carries text both ways, in order, once each",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        const texts = ["one", "two", "ünïcödé \u{1F980}", '{"type":"quote"}', "a|b\tc"];
        for (const text of texts) await ada.client.says(phrasebook.say(bob.name, text));
        assert.deepEqual(speaker.texts(bob), texts);
        await bob.client.says(phrasebook.say(ada.name, "back"));
        assert.deepEqual(speaker.texts(ada), ["back"]);
        world.expectSound();
      },
    },
    {
      section,
      name: "tells who speaks, whatever a client writes as the sender",
      async run() {
        const world = speaker.world();
        const [ada, bob, carol] = [
          await speaker.enters(world, "ada"),
          await speaker.enters(world, "bob"),
          await speaker.enters(world, "carol"),
        ];
        const spoken: string[] = [];
        world.exchange.follow(({ from }) => spoken.push(from));
        for (const { client } of [ada, bob]) await client.says(subject.join(room));
        for (const to of [bob.name, room]) await ada.client.says(phrasebook.say(to, "honest"));
        for (const to of [bob.name, room, everyone])
          for (const from of [carol.name, brokerTopic]) {
            if (subject.forged !== undefined) await ada.client.says(subject.forged(to, "forged", from));
            world.clock.advance(10_000);
          }
        assert(!spoken.includes(carol.name), "nobody speaks in another's name");
        if (subject.joinWithHistory !== undefined) await carol.client.says(subject.joinWithHistory(room, 10));
        for (const { client } of [bob, carol])
          for (const frame of client.connection.frames)
            if (["honest", "forged"].includes(phrasebook.textOf(frame) ?? ""))
              assert.equal(subject.senderOf(frame), ada.name);
        const honest = speaker.texts(bob).filter((text) => text === "honest");
        assert.equal(honest.length, 2, "the honest texts are heard");
      },
    },
    {
      section,
      name: "refuses whatever is said before the login, tells nothing, and lets nobody in by it",
      async run() {
        const world = speaker.world();
        const bob = await speaker.enters(world, "bob");
        await bob.client.says(subject.join(room));
        await bob.client.says(phrasebook.say(room, "said before"));
        world.identity.protectedNames.add("zoe");
        const { routed } = world.ledger.messages;
        const said = [
          ...[bob.name, room, everyone].map((to) => phrasebook.say(to, "psst")),
          subject.forged?.(bob.name, "psst", bob.name),
          subject.join(room),
          subject.leave(room),
          subject.joinWithHistory?.(room, 10),
          subject.list?.(),
        ];
        for (const frame of said) {
          if (frame === undefined) continue;
          const client = world.connect(speaker.path);
          await client.settles();
          const before = client.connection.frames.length;
          await client.says(frame);
          const answers = client.connection.frames.slice(before);
          const others = answers.filter((answer) => phrasebook.refusalOf(answer) === undefined).map(String);
          assert.deepEqual([answers.length, others], [1, []], `${frame.toString()} is refused, and nothing is told`);
        }
        // A new name may be part of a login; one that needs a proof is had by it no more than by any other frame.
        if (subject.rename !== undefined) await world.connect(speaker.path).says(subject.rename("zoe"));
        assert.deepEqual(
          world.directory.agents().map(({ name }) => name),
          [bob.name],
        );
        assert.deepEqual(world.directory.members(room, undefined), [bob.name]);
        assert.equal(world.ledger.messages.routed, routed);
        world.expectSound();
      },
    },
    {
      section,
      name: "ends a session that does not log in",
      async run() {
        const world = speaker.world();
        const eve = world.connect(speaker.path);
        world.clock.advance(world.limits.wsLoginMs * 12);
        await eve.settles();
        assert(eve.closing !== undefined);
        assert.equal(world.waiting, 0);
      },
    },
    {
      section,
      name: "leaves nothing behind: no timer, no subscription, no agent",
      async run() {
        const world = speaker.world();
        const before = world.router.size;
        const parties = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        const [ada, bob] = parties;
        await ada?.client.says(phrasebook.say(bob?.name ?? "", "hello"));
        await ada?.client.says(subject.join(room));
        for (const { client } of parties) await client.vanishes();
        assert.equal(world.router.size, before);
        assert.equal(world.waiting, 0);
        assert.deepEqual(world.directory.agents(), []);
        assert.equal(world.bridges.status().sessions[dialect.name], 0);
      },
    },
    {
      section,
      name: "says goodbye with 1001 when the broker leaves",
      async run() {
        const world = speaker.world();
        const ada = await speaker.enters(world, "ada");
        await world.bridges.drain(AbortSignal.timeout(5_000));
        await world.bridges.stop();
        assert.equal(ada.client.closing?.code, 1001);
        assert.equal(world.router.route(ada.name), undefined);
      },
    },
  ];
}
