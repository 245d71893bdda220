import assert from "node:assert/strict";
import type { z } from "zod";
import { readJson } from "../core/index.js";
import type { Frame, Vocabulary } from "../dialect/index.js";
import type { ConformanceCase, Party, Speaker, SpokenSubject } from "./subject.js";

const section = "description";
/** First frames of nobody: a dialect that takes one of them for its own keeps other dialects from their clients. */
const foreign: readonly Frame[] = [
  "",
  "\n",
  "{}",
  "[]",
  "null",
  "7",
  '{"type":7}',
  '{"type":"constructor"}',
  '{"type":"__proto__"}',
  "[".repeat(10_000),
  "GET / HTTP/1.1",
  Buffer.alloc(0),
  Buffer.alloc(100),
];

/** What a dialect says of itself, and others rely on: the door at `/`, the schema files, the pages. */
export function descriptionCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook, subject } = speaker;
  const more = [
    phrasebook.say("#general", "hello"),
    subject.join("#general"),
    subject.leave("#general"),
    subject.joinWithHistory?.("#general", 2),
    subject.list?.(),
    subject.rename?.("zoe"),
  ];
  return generalDescription(
    speaker,
    async () => {
      const world = speaker.world();
      const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
      for (const { client } of [ada, bob]) await client.says(subject.join("#general"));
      await ada.client.says(phrasebook.say("#general", "hello, all"));
      await ada.client.says(phrasebook.say(bob.name, "hello, you"));
      await ada.client.says(phrasebook.say("nobody at all", "hello?"));
      if (subject.list !== undefined) await ada.client.says(subject.list());
      await bob.client.says(subject.leave("#general"));
      return [ada, bob];
    },
    more,
  );
}

/**
 * What every dialect says of itself, whoever its sessions are. `talk`: clients that have heard much. `more`: frames that
 * its clients say.
 */
export function generalDescription<S extends SpokenSubject>(
  speaker: Speaker<S>,
  talk: () => Promise<readonly Pick<Party, "client">[]>,
  more: readonly (Frame | undefined)[] = [],
): readonly ConformanceCase[] {
  const { dialect, phrasebook } = speaker;
  const { vocabulary } = dialect;
  const cases: ConformanceCase[] = [];
  if (dialect.with((itself) => itself.recognise !== undefined))
    cases.push({
      section,
      name: "recognises the first frame of its own clients, and of nobody else's",
      run() {
        for (const [first] of [phrasebook.login("ada"), phrasebook.login("ada", "a token")])
          if (first !== undefined) assert(dialect.recognises(first), `${shown(first)} is recognised`);
        for (const frame of foreign) assert(!dialect.recognises(frame), `${shown(frame)} is not recognised`);
      },
    });
  if (vocabulary !== undefined)
    cases.push(
      {
        section,
        name: "has in its vocabulary what its clients say",
        run() {
          const logins = [...phrasebook.login("ada"), ...phrasebook.login("ada", "a token")];
          for (const frame of [...logins, phrasebook.say("bob", "hello"), ...more])
            if (frame !== undefined) expectKnown(speaker.saidBy("ada", frame), vocabulary.commands, "commands");
        },
      },
      {
        section,
        name: "has in its vocabulary what its clients hear",
        async run() {
          for (const { client } of await talk())
            for (const frame of client.connection.frames) expectKnown(frame, vocabulary.events, "events");
        },
      },
      {
        section,
        name: "has in its vocabulary the refusal and the answers that it names",
        run() {
          expectNamesIn(vocabulary);
        },
      },
    );
  return cases;
}

function expectKnown(frame: Frame, schemas: Vocabulary["commands"], what: string): void {
  const read = readJson(frame.toString());
  assert("value" in read, `${shown(frame)} is no JSON, and the vocabulary is of JSON`);
  const known = Object.values<z.ZodType>(schemas).some((schema) => schema.safeParse(read.value).success);
  assert(known, `the ${what} of the vocabulary lack ${shown(frame)}`);
}

function expectNamesIn({ commands, events, refused, answers }: Vocabulary): void {
  for (const event of [refused, ...Object.values(answers).flat()])
    assert(Object.hasOwn(events, event), `the events of the vocabulary lack ${event}`);
  assert.deepEqual(Object.keys(answers).sort(), Object.keys(commands).sort(), "each command has its answers");
}

function shown(frame: Frame): string {
  return JSON.stringify(frame.toString().slice(0, 200));
}
