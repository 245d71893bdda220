import assert from "node:assert/strict";
import { everyone, Fault, Message, principal, type Envelope, type FaultCode } from "../core/index.js";
import { defineDialect } from "../dialect/index.js";
import { generalDescription } from "./description-cases.js";
import { generalRobustness, unknownCommand } from "./robustness-cases.js";
import type { ConformanceCase, Party, Speaker, ViewerSubject } from "./subject.js";
import { ConformanceWorld } from "./world.js";

const flood = 300;
/** So long nobody may be before a login, milliseconds. */
const loginMaxMs = 60_000;
const badTokens = [undefined, "", "shared", "no such token", "VIEWING ada", "own ada"];

/** What a dialect must do whose sessions are viewers (Visualisation §1.4). */
export function viewerCases(speaker: Speaker<ViewerSubject>): readonly ConformanceCase[] {
  const isAnswered = async (world: ConformanceWorld, ada: Party): Promise<void> => {
    const bob = new Robot(world, "bob");
    await ada.client.says(speaker.phrasebook.say(bob.name, "still here?"));
    bob.answers("yes, here");
    await ada.client.settles();
    assert(hears(speaker, ada, "yes, here"), "a command is answered");
  };
  return [
    ...generalRobustness(speaker),
    ...unknownCommand(speaker, isAnswered),
    ...generalDescription(speaker, async () => {
      const world = speaker.world();
      const ada = await speaker.enters(world, "ada");
      await isAnswered(world, ada);
      await ada.client.says(speaker.phrasebook.say("nobody at all", "hello?"));
      return [ada];
    }),
    ...nobodyCases(speaker),
    ...rightCases(speaker),
    ...commandCases(speaker),
  ];
}

/** Viewers are nobody. */
function nobodyCases(speaker: Speaker<ViewerSubject>): readonly ConformanceCase[] {
  const section = "viewers";
  return [
    {
      section,
      name: "makes nobody of them: no name, no place in a list, no room, nobody displaced",
      async run() {
        const world = speaker.world();
        const owner = principal("ada", "proved", { proof: "token:ada" });
        world.directory.arrive({ principal: owner, dialect: "own" });
        const before = [world.directory.agents(), world.directory.agentCount, world.directory.roomCount];
        const viewers = [await speaker.enters(world, "ada"), await speaker.enters(world, "ada")];
        assert.deepEqual([world.directory.agents(), world.directory.agentCount, world.directory.roomCount], before);
        for (const { client } of viewers) {
          assert.equal(client.closing, undefined, "one token opens several connections");
          assert(client.connection.isAdmitted, "it counts as logged in");
          await client.vanishes();
        }
        assert.deepEqual(world.directory.agents(), before[0], "nobody is gone when a viewer is");
        world.expectSound();
      },
    },
    {
      section,
      name: "lets them hear nothing that is for everybody, nor what others are told",
      async run() {
        const world = speaker.world();
        await speaker.enters(world, "ada");
        world.neighbour("bob");
        const { copies } = world.ledger.copies;
        for (const to of [everyone, "bob"])
          world.submit({ from: "carol", to, content: { message: "not for viewers" } });
        assert.equal(world.ledger.copies.copies, copies, "no viewer is a receiver");
        world.expectSound();
      },
    },
    {
      section,
      name: "leaves nothing behind when they are gone",
      async run() {
        const world = speaker.world();
        const before = [world.router.size, world.directory.nonZmqPresences, world.requests.size];
        const ada = await speaker.enters(world, "ada");
        const bob = new Robot(world, "bob");
        await ada.client.says(speaker.phrasebook.say(bob.name, "never answered"));
        await ada.client.vanishes();
        const [asked] = bob.heard;
        assert(asked !== undefined && !world.directory.isReachable(asked.from), "its name is nobody's");
        bob.leaves();
        assert.deepEqual([world.router.size, world.directory.nonZmqPresences, world.requests.size], before);
        world.expectSound();
      },
    },
  ];
}

/** Who gets in, and may do what. */
function rightCases(speaker: Speaker<ViewerSubject>): readonly ConformanceCase[] {
  const section = "tokens";
  return [
    {
      section,
      name: "lets nobody in without a right: no token, a wrong one, one that others have, one without scopes",
      async run() {
        for (const token of badTokens) {
          const world = speaker.world();
          const eve = await speaker.tries(world, "ada", token);
          assert.equal(eve.name, undefined, `the token ${JSON.stringify(token)} opens nothing`);
          world.clock.advance(loginMaxMs); // what is no login at all may be said again
          assert(eve.client.closing !== undefined, "the connection ends");
          assert(!eve.client.connection.isAdmitted);
        }
      },
    },
    {
      section,
      name: "tells nobody a token, and who has not logged in nothing at all",
      async run() {
        const world = speaker.world();
        const stranger = world.connect(speaker.path);
        const before = stranger.connection.frames.length;
        const [ada, eve] = [await speaker.enters(world, "ada"), await speaker.tries(world, "eve", "no such token")];
        world.clock.advance(1_000);
        assert.equal(stranger.connection.frames.length, before);
        for (const { client } of [ada, eve])
          for (const frame of client.connection.frames)
            for (const token of ["viewing ada", "no such token"]) assert(!frame.includes(token), "a token is told");
        assert(!JSON.stringify(world.log).includes("viewing ada"), "a token is logged");
      },
    },
    {
      section,
      name: "commands nobody without the right to",
      async run() {
        const world = speaker.world();
        const ada = await speaker.tries(world, "ada", "observing ada");
        const bob = new Robot(world, "bob");
        await ada.client.says(speaker.phrasebook.say(bob.name, "obey"));
        assert.deepEqual(bob.heard, [], "an agent is commanded by somebody who may only look");
        assert(speaker.refusals(ada).length > 0 || ada.client.closing !== undefined, "it is refused");
        world.expectSound();
      },
    },
    {
      section,
      name: "ends when the token does, and says why",
      async run() {
        const world = speaker.world();
        const ada = await speaker.enters(world, "ada");
        world.bridges.endTokens(() => "revoked");
        assert(ada.client.closing !== undefined, "its token was taken back");
        assert.deepEqual(speaker.refusals(ada), [await codeOf(speaker, "unauthenticated")]);
        const bob = await speaker.enters(world, "bob");
        const ended = world.bridges.endSpeakers(({ agent }) => agent === "bob", new Fault("unauthenticated", "ended"));
        assert.deepEqual([ended, bob.client.closing !== undefined], [1, true], "it is ended by its token's owner");
        world.expectSound();
      },
    },
  ];
}

/** Commands, and what becomes of them. */
function commandCases(speaker: Speaker<ViewerSubject>): readonly ConformanceCase[] {
  const { phrasebook } = speaker;
  return [
    {
      section: "commands",
      name: "command as requests under a reserved name, proved, and each hears its own answer alone",
      async run() {
        const world = speaker.world();
        const [ada, eve] = [await speaker.enters(world, "ada"), await speaker.enters(world, "ada")];
        const bob = new Robot(world, "bob");
        await ada.client.says(phrasebook.say(bob.name, "rest"));
        const [asked] = bob.heard;
        assert(asked !== undefined, "the agent hears the command");
        assert.match(asked.from, /^control-[A-Za-z0-9_-]+$/);
        assert.deepEqual([asked.type, asked.trust, asked.from_name], ["request", "proved", "ada"]);
        bob.answers("resting now");
        await ada.client.settles();
        assert(hears(speaker, ada, "resting now"), "who has commanded hears the answer");
        assert(!hears(speaker, eve, "resting now"), "another viewer is answered");
        world.expectSound();
      },
    },
    {
      section: "commands",
      name: "tell that nobody is there, and that no answer has come",
      async run() {
        const world = speaker.world();
        const ada = await speaker.enters(world, "ada");
        await ada.client.says(phrasebook.say("nobody-here", "rest"));
        assert.equal(speaker.refusals(ada).at(-1), await codeOf(speaker, "not-found"));
        const bob = new Robot(world, "bob");
        await ada.client.says(phrasebook.say(bob.name, "sleep"));
        world.clock.advance(world.limits.requestTimeoutMs);
        await ada.client.settles();
        assert.equal(speaker.refusals(ada).at(-1), await codeOf(speaker, "timeout"), "no answer has come");
        world.expectSound();
      },
    },
    {
      section: "costs",
      name: "refuses a flood of commands, in the word for it, and lets the same client command again later",
      async run() {
        const world = speaker.world();
        const ada = await speaker.enters(world, "ada");
        const bob = new Robot(world, "bob");
        const limited = await codeOf(speaker, "rate-limited");
        let said = 0;
        for (; said < flood && !speaker.refusals(ada).includes(limited ?? ""); said += 1) {
          const before = bob.heard.length;
          await ada.client.says(phrasebook.say(bob.name, `command ${String(said)}`));
          if (bob.heard.length > before) bob.answers("done");
        }
        assert(said < flood, `${String(flood)} commands in no time are not refused`);
        const { length } = bob.heard;
        world.clock.advance(20_000);
        await ada.client.says(phrasebook.say(bob.name, "slower"));
        assert.equal(bob.heard.length, length + 1);
      },
    },
  ];
}

/** The dialect's own word for a fault, to somebody who has logged in. */
async function codeOf(speaker: Speaker<ViewerSubject>, code: FaultCode): Promise<string | undefined> {
  let told: () => string | undefined = () => undefined;
  const probe = speaker.dialect.with((itself) =>
    defineDialect({
      ...itself,
      codec(session) {
        const codec = itself.codec(session);
        told = () => {
          const { reply } = itself.refuse(new Fault(code, "because"), undefined, session);
          return reply === undefined ? undefined : speaker.phrasebook.refusalOf(codec.encode(reply))?.code;
        };
        return codec;
      },
    }),
  );
  await speaker.enters(new ConformanceWorld([probe]), "ada");
  return told();
}

/** True if somebody has heard a text, whatever else came. */
function hears(speaker: Speaker<ViewerSubject>, party: Party, text: string): boolean {
  return speaker.texts(party).includes(text);
}

/** An agent of another transport, which answers when it is told to. */
class Robot {
  readonly name: string;
  readonly heard: Envelope[] = []; // bound: what one case says · evicts: nothing, it goes with its world · owner: the case
  readonly #world: ConformanceWorld;
  readonly #leaves: (() => void)[];

  constructor(world: ConformanceWorld, name: string) {
    this.#world = world;
    this.name = name;
    const presence = world.directory.arrive({ principal: principal(name, "proved", { proof: "x" }), dialect: "own" });
    const unsubscribe = world.router.subscribe(name, {
      deliver: ({ envelope }) => {
        if (envelope !== undefined) this.heard.push(envelope);
        return true;
      },
    });
    this.#leaves = [
      unsubscribe,
      () => {
        presence.depart();
      },
    ];
  }

  /** Answers what it has heard last. */
  answers(text: string): void {
    const asked = this.heard.at(-1);
    assert(asked !== undefined, "nothing was asked");
    const { clock, exchange, ledger } = this.#world;
    const now = clock.now();
    ledger.messages.accepted += 1;
    const answer: Envelope = {
      message_id: `answer to ${asked.message_id}`,
      timestamp: new Date(now).toISOString(),
      from: this.name,
      to: asked.from,
      type: "response",
      priority: "NORMAL",
      content: { message: text },
      in_reply_to: asked.message_id,
    };
    exchange.submit(Message.of(answer, { topic: asked.from, receivedAt: now, trust: "proved", origin: undefined }));
  }

  leaves(): void {
    for (const leave of this.#leaves) leave();
  }
}
