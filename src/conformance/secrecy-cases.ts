import assert from "node:assert/strict";
import { brokerTopic, everyone, principal } from "../core/index.js";
import type { Conversation } from "./conversation.js";
import type { ConformanceCase, Speaker } from "./subject.js";
import type { ConformanceWorld } from "./world.js";

const section = "secrecy";
const room = "#general";

/** What is said to some is heard by nobody else. */
export function secrecyCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook, subject } = speaker;
  return [
    {
      section,
      name: "shows a direct text, and that it was refused, to nobody else",
      async run() {
        const world = speaker.world();
        const [ada, bob, carol] = [
          await speaker.enters(world, "ada"),
          await speaker.enters(world, "bob"),
          await speaker.enters(world, "carol"),
        ];
        world.neighbour("neighbour");
        for (const { client } of [ada, bob, carol]) await client.says(subject.join(room));
        const others = silence(carol.client);
        await ada.client.says(phrasebook.say(bob.name, "for bob alone"));
        await bob.client.says(phrasebook.say(ada.name, "for ada alone"));
        await bob.client.says(phrasebook.say("neighbour", "for the neighbour alone"));
        world.submit({ from: "neighbour", to: bob.name, content: { message: "for bob from elsewhere" } });
        await ada.client.says(phrasebook.say("nobody at all", "for nobody"));
        await others("what others say to each other");
        assert.deepEqual(speaker.texts(bob), ["for bob alone", "for bob from elsewhere"]);
      },
    },
    {
      section,
      name: "lets a client that has not logged in hear nothing",
      async run() {
        const world = speaker.world();
        const strangers = silence(world.connect(speaker.path));
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        for (const { client } of [ada, bob]) await client.says(subject.join(room));
        for (const to of [bob.name, room, everyone]) await ada.client.says(phrasebook.say(to, "not for strangers"));
        await bob.client.says(subject.leave(room));
        await bob.client.vanishes();
        await strangers("what happens before it has logged in");
      },
    },
    {
      section,
      name: "tells an outsider nothing of an invite-only room: not that it is there, who is in it, what is said",
      async run() {
        const world = speaker.world();
        const [owner, member] = ["owner", "member"].map((name) =>
          world.directory.arrive({ principal: principal(name, "proved", { proof: name }), dialect: "own" }),
        );
        assert(owner !== undefined && member !== undefined);
        const eve = await speaker.enters(world, "eve");
        const before = await listed(world, eve.client);
        const outsiders = silence(eve.client);
        await world.directory.create(owner, "#secret", { inviteOnly: true });
        await world.directory.invite(owner, "#secret", member.name);
        world.directory.join(member, "#secret", { create: false });
        world.submit({ from: owner.name, to: "#secret", content: { message: "for those inside" } });
        await outsiders("what happens in an invite-only room");
        const after = await listed(world, eve.client);
        assert(!after.includes("secret"), "a list does not hold a room that its reader may not know of");
        for (const { name } of [owner, member])
          assert.equal(after.split(name).length, before.split(name).length, `a list does not place ${name} in a room`);
        if (subject.joinWithHistory !== undefined) await eve.client.says(subject.joinWithHistory("#secret", 10));
        assert.deepEqual(speaker.texts(eve), []);
      },
    },
    {
      section,
      name: "tells nobody else of a login that is refused, nor of the token of any",
      async run() {
        const world = speaker.world();
        const bob = await speaker.enters(world, "bob");
        const clients = [bob.client, world.connect(speaker.path)];
        const others = silence(...clients);
        const refused: (readonly [string, string])[] = [[brokerTopic, "the token of a reserved name"]];
        if (speaker.has("tokens")) refused.push(["ada", "no such token"], ["ada", "own carol"]);
        for (const [name, token] of refused) assert.equal((await speaker.tries(world, name, token)).name, undefined);
        await others("a login that is refused");
        for (const token of ["own ada", "shared"]) {
          const { client } = await speaker.tries(world, "ada", token);
          await client.vanishes();
          for (const { connection } of clients)
            for (const frame of connection.frames) assert(!frame.includes(token), "a token is told to nobody");
        }
      },
    },
  ];

  /** What the list of the subject answers, as text; empty where there are no lists. */
  async function listed(world: ConformanceWorld, client: Conversation): Promise<string> {
    if (subject.list === undefined) return "";
    const before = client.connection.frames.length;
    await client.says(subject.list());
    world.clock.advance(1_000);
    return client.connection.frames.slice(before).join("\n");
  }
}

/** @returns a check that these clients have heard nothing since, though `what` was there to hear. */
function silence(...clients: readonly Conversation[]): (what: string) => Promise<void> {
  const before = clients.map(({ connection }) => connection.frames.length);
  return async (what) => {
    for (const [at, client] of clients.entries()) {
      await client.settles();
      const heard = client.connection.frames.slice(before[at]).map((frame) => frame.toString().slice(0, 200));
      assert.deepEqual(heard, [], `${what} is told to nobody else`);
    }
  };
}
