import assert from "node:assert/strict";
import { principal } from "../core/index.js";
import type { ConformanceCase, Speaker } from "./subject.js";

const section = "tokens";

/**
 * Who may call itself what. The world's tokens: `own NAME` proves a name, `shared` is the one that others have, too.
 */
export function tokenCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook } = speaker;
  const cases: ConformanceCase[] = [
    {
      section,
      name: "lets nobody have a name that somebody else proves",
      async run() {
        const world = speaker.world();
        const first = await speaker.tries(world, "ada");
        const name = first.name ?? "ada"; // a dialect without anonymous logins has refused already
        await first.client.vanishes();
        world.identity.protectedNames.add(name);
        const eve = await speaker.tries(world, "ada");
        assert.notEqual(eve.name, name, "a protected name is not given to a client that proves nothing");
        assert.equal(world.directory.agent(name), undefined);
      },
    },
    {
      section,
      name: "gives nobody a name that is the broker's, a room's or everybody's",
      async run() {
        for (const name of ["$broker", "$events", "#general", "all", "system", "server"]) {
          const world = speaker.world();
          for (const token of [undefined, "shared", `own ${name}`]) await speaker.tries(world, name, token);
          assert.equal(world.directory.agent(name), undefined, `${name} is nobody's name`);
        }
      },
    },
    {
      section,
      name: "keeps a name for the session that has it and answers",
      async run() {
        const world = speaker.world();
        const token = speaker.has("tokens") ? "shared" : undefined;
        const ada = await speaker.tries(world, "ada", token);
        assert(ada.name !== undefined, "ada is welcomed");
        const eve = await speaker.tries(world, "ada", token);
        assert.notEqual(eve.name, ada.name, "a second session does not get the name of one that answers");
        const bob = await speaker.enters(world, "bob");
        await bob.client.says(phrasebook.say(ada.name, "to the first"));
        assert.deepEqual(speaker.texts(ada), ["to the first"]);
        assert.deepEqual(speaker.texts(eve), []);
      },
    },
  ];
  if (!speaker.has("tokens")) {
    cases.push({
      section,
      name: "has no tokens, so nobody is more than claimed by a login",
      async run() {
        const world = speaker.world();
        const ada = await speaker.tries(world, "ada", "own ada");
        assert.equal(world.directory.agent(ada.name ?? "")?.trust ?? "claimed", "claimed");
      },
    });
    return cases;
  }
  cases.push(
    {
      section,
      name: "refuses a wrong token, and one that is somebody else's",
      async run() {
        for (const token of ["no such token", "own bob", "", "own ada ", "OWN ada"]) {
          const world = speaker.world();
          const eve = await speaker.tries(world, "ada", token);
          assert.equal(eve.name, undefined, `the token ${JSON.stringify(token)} opens nothing`);
          assert.equal(world.directory.agent("ada"), undefined);
          assert.deepEqual(
            speaker.refusals(eve),
            [speaker.codeOf("unauthenticated")].filter((code) => code !== undefined),
          );
        }
      },
    },
    {
      section,
      name: "takes the agent's own token as a proof, and the shared one not",
      async run() {
        const world = speaker.world();
        const ada = await speaker.tries(world, "ada", "own ada");
        assert.equal(world.directory.agent(ada.name ?? "")?.trust, "proved");
        const bob = await speaker.tries(world, "bob", "shared");
        assert.notEqual(world.directory.agent(bob.name ?? "bob")?.trust, "proved");
      },
    },
    {
      section,
      name: "ends the older session of an agent that proves itself again, and tells it so",
      async run() {
        const world = speaker.world();
        const [older, newer] = [await speaker.enters(world, "ada"), await speaker.enters(world, "ada")];
        await older.client.settles();
        assert.equal(older.client.closing?.code, 4409);
        assert.equal(speaker.refusals(older).length, 1, "the older session is told why");
        const bob = await speaker.enters(world, "bob");
        await bob.client.says(phrasebook.say(newer.name, "to the newer"));
        assert.deepEqual([speaker.texts(older), speaker.texts(newer)], [[], ["to the newer"]]);
        world.expectSound();
      },
    },
    {
      section,
      name: "does not take over a name that is proved by another way",
      async run() {
        const world = speaker.world();
        const key = principal("ada", "proved", { proof: "key:elsewhere" });
        const presence = world.directory.arrive({ principal: key, dialect: "own" });
        const eve = await speaker.tries(world, "ada", "shared");
        assert.equal(eve.name, undefined);
        presence.depart();
      },
    },
  );
  return cases;
}
