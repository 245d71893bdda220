import assert from "node:assert/strict";
import type { ConformanceCase, Speaker } from "./subject.js";

const section = "conversation";

/** What every agent expects of a dialect: it logs in, is heard, and leaves. */
export function conversationCases(speaker: Speaker): readonly ConformanceCase[] {
  const { dialect, phrasebook } = speaker;
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
        await ada.client.says(phrasebook.say(bob.name, "honest"));
        if (speaker.subject.forged !== undefined)
          await ada.client.says(speaker.subject.forged(bob.name, "forged", carol.name));
        assert(!spoken.includes(carol.name), "nobody speaks in another's name");
        const told = bob.client.connection.frames.filter((frame) => phrasebook.textOf(frame) !== undefined);
        for (const frame of told) assert.equal(speaker.subject.senderOf(frame), ada.name);
        assert(told.length > 0, "the honest text is heard");
      },
    },
    {
      section,
      name: "refuses what is said before the login, and lets nobody in by it",
      async run() {
        const world = speaker.world();
        const bob = await speaker.enters(world, "bob");
        const { routed } = world.ledger.messages;
        for (const frame of [phrasebook.say(bob.name, "psst"), speaker.subject.join("#general")]) {
          const eve = { client: world.connect(speaker.path) };
          await eve.client.says(frame);
          assert.equal(speaker.refusals(eve).length, 1);
        }
        assert.deepEqual(
          world.directory.agents().map(({ name }) => name),
          [bob.name],
        );
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
        await ada?.client.says(speaker.subject.join("#general"));
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
