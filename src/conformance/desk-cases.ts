import assert from "node:assert/strict";
import { principal } from "../core/index.js";
import type { Answered, ConformanceCase, Party, Questions, Speaker } from "./subject.js";

const section = "desk";
const room = "#general";
const flood = 300;

/** Questions to the broker: each answer and each refusal names the question that it is about. */
export function deskCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook, subject } = speaker;
  const { questions } = subject;
  if (questions === undefined) return [];
  const asks = async ({ client }: Party, kind: string, data?: object, id = kind): Promise<void> => {
    await client.says(questions.ask(kind, data, id));
  };
  return [
    {
      section,
      name: "answers each question by its id, and lists agents as the directory does",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        await asks(ada, "ping", undefined, "first");
        await asks(ada, "agents.list", {}, "second");
        const [ping, list] = answersTo(questions, ada);
        assert.deepEqual([ping?.id, ping?.kind, list?.id, list?.kind], ["first", "ping", "second", "agents.list"]);
        const { agents } = list?.data as { readonly agents: readonly { readonly name: string }[] };
        assert.deepEqual(agents.map(({ name }) => name).sort(), [ada.name, bob.name].sort());
        assert.deepEqual(answersTo(questions, bob), []);
        world.expectSound();
      },
    },
    {
      section,
      name: "refuses what the broker does not answer, names the question, and goes on",
      async run() {
        const world = speaker.world();
        const ada = await speaker.enters(world, "ada");
        const wrong = ["dance", "constructor", "__proto__", "toString"] as const;
        for (const kind of wrong) await asks(ada, kind);
        await asks(ada, "room.join", { room: 7 }, "no text");
        await asks(ada, "broker.status", undefined, "the operator's");
        assert.deepEqual(refusedIds(questions, ada), [...wrong, "no text", "the operator's"]);
        await asks(ada, "ping");
        assert.deepEqual(
          answersTo(questions, ada).map(({ id }) => id),
          ["ping"],
        );
      },
    },
    {
      section,
      name: "answers nobody who has not logged in",
      async run() {
        const world = speaker.world();
        const client = world.connect(speaker.path);
        await client.says(questions.ask("agents.list", undefined, "early"));
        assert.deepEqual(answersTo(questions, { client }), []);
      },
    },
    {
      section,
      name: "makes whoever asks for it a member that hears at once, and tells the past behind the answer",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        await bob.client.says(subject.join(room));
        await bob.client.says(phrasebook.say(room, "before"));
        await asks(ada, "room.join", { room, history: 5 });
        await bob.client.says(phrasebook.say(room, "after"));
        const frames = ada.client.connection.frames;
        const answerAt = frames.findIndex((frame) => questions.answerOf(frame) !== undefined);
        const texts = frames.slice(answerAt).flatMap((frame) => phrasebook.textOf(frame) ?? []);
        assert.deepEqual(texts, ["before", "after"]);
        assert.deepEqual([...world.directory.members(room, undefined)].sort(), [ada.name, bob.name].sort());
        await asks(ada, "room.leave", { room });
        await bob.client.says(phrasebook.say(room, "later"));
        assert.deepEqual(speaker.texts(ada), ["before", "after"]);
        world.expectSound();
      },
    },
    {
      section,
      name: "shows an outsider nothing of an invite-only room",
      async run() {
        const world = speaker.world();
        const owner = world.directory.arrive({
          principal: principal("owner", "proved", { proof: "x" }),
          dialect: "own",
        });
        await world.directory.create(owner, "#secret", { inviteOnly: true });
        const eve = await speaker.enters(world, "eve");
        const kinds = ["room.join", "room.members", "room.history"] as const;
        for (const kind of kinds) await asks(eve, kind, { room: "#secret" });
        assert.deepEqual(refusedIds(questions, eve), kinds);
        await asks(eve, "rooms.list");
        assert(!JSON.stringify(answersTo(questions, eve)).includes("#secret"), "the list shows the room");
        owner.depart();
      },
    },
    {
      section,
      name: "refuses a flood of questions, and answers others meanwhile",
      async run() {
        const world = speaker.world({ abuseRefusalsMax: 0 });
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        for (let n = 0; n < flood; n += 1) ada.client.saysAtOnce(questions.ask("ping", undefined, String(n)));
        await ada.client.settles();
        const { length } = answersTo(questions, ada);
        assert(
          length >= 1 && length < flood,
          `${String(length)} of ${String(flood)} questions in no time are answered`,
        );
        assert.equal(refusedIds(questions, ada).length, flood - length);
        await asks(bob, "ping");
        assert.equal(answersTo(questions, bob).length, 1);
      },
    },
  ];
}

function answersTo(questions: Questions, { client }: Pick<Party, "client">): readonly Answered[] {
  return client.connection.frames.flatMap((frame) => questions.answerOf(frame) ?? []);
}

function refusedIds(questions: Questions, { client }: Pick<Party, "client">): readonly string[] {
  return client.connection.frames.flatMap((frame) => questions.refusedIdOf(frame) ?? []);
}
