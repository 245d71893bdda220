import assert from "node:assert/strict";
import { principal } from "../core/index.js";
import type { Conversation } from "./conversation.js";
import type { ConformanceCase, Speaker } from "./subject.js";
import type { ConformanceWorld } from "./world.js";

const section = "tokens";
const wrongTokens = ["no such token", "own bob", "", "own ada ", "OWN ada"];

/**
 * Who may call itself what, and may do what. The world's tokens: `own NAME` proves a name, `observing NAME` does, too,
 * and carries the scope `observe`; `shared` is the one that others have, too.
 */
export function tokenCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook, subject } = speaker;
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
        for (const name of ["$broker", "$events", "#general", "all", "system", "server", "control-1", "Control-1"]) {
          const world = speaker.world();
          for (const token of [undefined, "shared", `own ${name}`]) await speaker.tries(world, name, token);
          assert.equal(world.directory.agent(name), undefined, `${name} is nobody's name`);
        }
      },
    },
    {
      section,
      name: "leaves a session what it is when it logs in a second time",
      async run() {
        // Where sessions can be renamed, a login may do that, but to no name that needs a proof.
        const { rename } = subject;
        const tokens = [undefined, "shared", "no such token", "own ada", ...(rename === undefined ? ["own zoe"] : [])];
        for (const token of tokens)
          for (const wanted of ["zoe", "bob"]) {
            const world = speaker.world();
            const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
            if (rename !== undefined) world.identity.protectedNames.add("zoe");
            await logsInAgain(world, ada.client, wanted, token);
            await ada.client.says(phrasebook.say(bob.name, "hello"));
            assert.equal(bob.client.closing, undefined, "nobody is put out by the second login of another");
            for (const frame of bob.client.connection.frames)
              if (phrasebook.textOf(frame) !== undefined) assert.equal(subject.senderOf(frame), ada.name);
          }
        for (const token of [undefined, ...wrongTokens]) {
          const world = speaker.world();
          const ada = await speaker.tries(world, "ada", speaker.has("tokens") ? "shared" : undefined);
          await logsInAgain(world, ada.client, "ada", token);
        }
      },
    },
    {
      section,
      name: "gives no session a right that its token does not carry",
      async run() {
        for (const token of [undefined, "shared", "own ada", "observing ada"]) {
          const world = speaker.world();
          const ada = await speaker.tries(world, "ada", token);
          if (ada.name === undefined) continue; // a dialect without anonymous logins
          const bob = await speaker.enters(world, "bob");
          const rights: string[] = [];
          world.exchange.follow((_said, { speaker: who }) => rights.push(...(who?.scopes ?? [])));
          await ada.client.says(phrasebook.say(bob.name, "before"));
          if (subject.rename !== undefined) await ada.client.says(subject.rename("zoe"));
          await ada.client.says(phrasebook.say(bob.name, "after"));
          assert.equal(speaker.texts(bob).length, 2, "what it says is heard");
          const carried = token === "observing ada" && speaker.has("tokens") ? ["observe"] : [];
          for (const right of rights) assert(carried.includes(right), `nothing gives it the right to ${right}`);
        }
      },
    },
  ];
  if (speaker.has("shared-token"))
    cases.push({
      section,
      name: "keeps a name for the session that has it and answers",
      async run() {
        const world = speaker.world();
        const token = speaker.has("tokens") ? "shared" : undefined;
        const ada = await speaker.tries(world, "ada", token);
        assert(ada.name !== undefined, "ada is welcomed");
        // From elsewhere: at the same address a dialect may take both for one program that starts again.
        const eve = await speaker.tries(world, "ada", token, { remote: "192.0.2.7" });
        assert.notEqual(eve.name, ada.name, "a second session does not get the name of one that answers");
        const bob = await speaker.enters(world, "bob");
        await bob.client.says(phrasebook.say(ada.name, "to the first"));
        assert.deepEqual(speaker.texts(ada), ["to the first"]);
        assert.deepEqual(speaker.texts(eve), []);
      },
    });
  else
    cases.push({
      section,
      name: "lets nobody in who proves nothing: not without a token, not with one that others have, too",
      async run() {
        for (const token of [undefined, "", "shared"]) {
          const world = speaker.world();
          const eve = await speaker.tries(world, "eve", token);
          assert.equal(eve.name, undefined);
          assert(eve.client.closing !== undefined, "the connection ends");
          assert.deepEqual(world.directory.agents(), []);
        }
      },
    });
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
        for (const token of wrongTokens) {
          const world = speaker.world();
          const eve = await speaker.tries(world, "ada", token);
          assert.equal(eve.name, undefined, `the token ${JSON.stringify(token)} opens nothing`);
          assert.equal(world.directory.agent("ada"), undefined);
          assert.deepEqual(
            speaker.refusals(eve),
            [speaker.codeOf("unauthenticated")].filter((code) => code !== undefined),
            `the token ${JSON.stringify(token)} is refused as unauthenticated`,
          );
        }
      },
    },
    {
      section,
      name: "takes the agent's own token as a proof, the shared one and none not",
      async run() {
        const world = speaker.world();
        const ada = await speaker.tries(world, "ada", "own ada");
        assert.equal(world.directory.agent(ada.name ?? "")?.trust, "proved");
        const bob = await speaker.tries(world, "bob", "shared");
        assert.notEqual(world.directory.agent(bob.name ?? "bob")?.trust, "proved");
        const carol = await speaker.tries(world, "carol");
        assert.equal(world.directory.agent(carol.name ?? "carol")?.trust ?? "claimed", "claimed");
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

  /** Fails if anybody is here afterwards who was not before, or proves more than before. */
  async function logsInAgain(
    world: ConformanceWorld,
    client: Conversation,
    name: string,
    token?: string,
  ): Promise<void> {
    const before = standings(world);
    for (const frame of phrasebook.login(name, token)) await client.says(frame);
    for (const standing of standings(world))
      assert(before.includes(standing), `a second login makes nobody ${standing}`);
  }
}

/** Who is here, and how well that is proved. */
function standings({ directory }: ConformanceWorld): readonly string[] {
  return directory.agents().map(({ name, trust }) => `${trust} ${name}`);
}
