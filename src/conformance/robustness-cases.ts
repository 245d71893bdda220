import assert from "node:assert/strict";
import { brokerTopic, Fault, faultCodes, type Envelope } from "../core/index.js";
import { defineDialect, type Frame } from "../dialect/index.js";
import type { ConformanceCase, Party, Speaker, SpokenSubject } from "./subject.js";
import { ConformanceWorld } from "./world.js";

const section = "robustness";
const room = "#general";
const prototypeNames = ["constructor", "__proto__", "prototype", "toString", "hasOwnProperty", "__defineGetter__"];

/** What strangers send, and what the core may have to say. */
export function robustnessCases(speaker: Speaker): readonly ConformanceCase[] {
  const { phrasebook, subject } = speaker;
  return [
    ...generalRobustness(speaker, [subject.join(room)]),
    {
      section,
      name: "shows every kind of message that the core knows, or drops it as unrenderable",
      async run() {
        const world = speaker.world();
        const ada = await speaker.enters(world, "ada");
        for (const content of strangeContents) world.submit({ from: brokerTopic, to: ada.name, content });
        await ada.client.settles();
        assert.equal(ada.client.closing, undefined);
        const { copies, written, dropped } = world.ledger.copies;
        assert.equal(copies, written + dropped.unrenderable);
        world.expectSound();
      },
    },
    {
      section,
      name: "shows what an agent says as its text, though it has the broker's kinds",
      async run() {
        const world = speaker.world();
        const [ada, bob] = [await speaker.enters(world, "ada"), await speaker.enters(world, "bob")];
        world.neighbour("mallory");
        await ada.client.says(subject.join(room));
        for (const content of brokerContents)
          for (const to of [ada.name, room]) {
            const before = ada.client.connection.frames.length;
            world.submit({ from: "mallory", to, content });
            await ada.client.settles();
            for (const frame of ada.client.connection.frames.slice(before))
              assert.deepEqual(
                [phrasebook.refusalOf(frame), phrasebook.textOf(frame), subject.senderOf(frame)],
                [undefined, content.message, "mallory"],
                `the kind ${content.kind} of an agent is told as its text`,
              );
          }
        if (subject.joinWithHistory !== undefined)
          await bob.client.says(subject.joinWithHistory(room, brokerContents.length));
        assert.deepEqual(speaker.refusals(bob), []);
        world.expectSound();
      },
    },
    ...unknownCommand(speaker, async (world, ada) => {
      const bob = await speaker.enters(world, "bob");
      await ada.client.says(phrasebook.say(bob.name, "still here"));
      assert.deepEqual(speaker.texts(bob), ["still here"]);
    }),
  ];
}

/** What every dialect lives through, whoever its sessions are. `more`: frames that its clients say. */
export function generalRobustness<S extends SpokenSubject>(
  speaker: Speaker<S>,
  more: readonly Frame[] = [],
): readonly ConformanceCase[] {
  const { dialect, phrasebook, path } = speaker;
  return [
    {
      section,
      name: "reads a frame of the largest size, and the deepest one, without failing",
      async run() {
        const world = speaker.world();
        const ada = await speaker.enters(world, "ada");
        const size = world.limits.wsFrameMaxBytes;
        for (const frame of [
          "[".repeat(size),
          "x".repeat(size),
          `{"type":${"[".repeat(size / 2 - 10)}`,
          JSON.stringify({ type: "x".repeat(size - 20) }),
          Buffer.alloc(size),
        ])
          await ada.client.says(frame);
        assert(ada.client.closing === undefined || speaker.refusals(ada).length > 0);
        world.expectSound();
      },
    },
    {
      section,
      name: "answers random frames and damaged commands with faults only",
      async run() {
        const world = speaker.world({ abuseRefusalsMax: 0 });
        const random = randomOf(20_260_101);
        const samples = [phrasebook.say("bob", "x"), ...phrasebook.login("eve"), ...more].map((frame) =>
          speaker.saidBy("eve", frame),
        );
        for (let round = 0; round < 60; round += 1) {
          const client = world.connect(path);
          if (random(2) === 0)
            for (const frame of phrasebook.login("eve", speaker.tokenOf("eve"))) await client.says(frame);
          for (let at = random(8); at >= 0; at -= 1) client.connection.says(damaged(samples, random));
          await client.vanishes();
          assert.equal(world.ledger.reasons["dialect-failed"], undefined);
          assert.equal(world.ledger.reasons["refused-internal"], undefined);
        }
        world.expectSound();
      },
    },
    {
      section,
      name: "has words for every fault, and they can be written",
      run() {
        dialect.with((itself) => {
          const told: string[] = [];
          const probe = defineDialect({
            ...itself,
            codec(session) {
              const codec = itself.codec(session);
              for (const code of faultCodes) {
                const { reply, close } = itself.refuse(new Fault(code, `because ${code}`), undefined, session);
                if (reply !== undefined) codec.encode(reply);
                if (reply !== undefined || close !== undefined) told.push(code);
              }
              return codec;
            },
          });
          new ConformanceWorld([probe]).connect(path);
          assert.deepEqual(told, [...faultCodes]);
        });
      },
    },
  ];
}

/** Commands that do not exist are refused; `goesOn` fails if the session does nothing more. */
export function unknownCommand<S extends SpokenSubject>(
  speaker: Speaker<S>,
  goesOn: (world: ConformanceWorld, ada: Party) => Promise<void>,
): readonly ConformanceCase[] {
  const { command } = speaker.subject;
  if (command === undefined) return [];
  return [
    {
      section,
      name: "refuses a command that does not exist, and goes on",
      async run() {
        const world = speaker.world({ abuseRefusalsMax: 0 });
        const ada = await speaker.enters(world, "ada");
        for (const type of ["no-such-command", "", ...prototypeNames]) {
          const before = speaker.refusals(ada).length;
          await ada.client.says(command(type));
          assert.equal(speaker.refusals(ada).length, before + 1, `${type} is refused`);
        }
        await goesOn(world, ada);
        world.expectSound();
      },
    },
  ];
}

/** Whole numbers from 0 to `below - 1`, the same in every run (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A sample with some bytes changed, cut or doubled, or bytes that never were a frame. */
function damaged(samples: readonly Frame[], random: (below: number) => number): Frame {
  const sample = samples[random(samples.length)] ?? "";
  if (random(4) === 0) return Buffer.from(Array.from({ length: random(300) }, () => random(256)));
  if (random(8) === 0) return JSON.stringify({ type: prototypeNames[random(prototypeNames.length)], text: random(9) });
  const bytes = [...Buffer.from(sample)];
  for (let edits = 1 + random(4); edits > 0; edits -= 1) {
    const at = random(bytes.length + 1);
    const [kind, length] = [random(3), random(12)];
    if (kind === 0) bytes.splice(at, 1, random(256));
    else if (kind === 1) bytes.splice(at, length);
    else bytes.splice(at, 0, ...bytes.slice(at, at + length));
  }
  return typeof sample === "string" ? Buffer.from(bytes).toString() : Buffer.from(bytes);
}

/** The broker's own kinds. */
const brokerContents: readonly (Envelope["content"] & { readonly kind: string })[] = [
  { message: "your token is taken back", kind: "fault", data: { code: "unauthenticated" } },
  { message: "slow down", kind: "fault", data: { code: "loop", peer: "bob" } },
  { message: "bob comes", kind: "room.joined", data: { room, agent: "bob" } },
  { message: "bob goes", kind: "room.left", data: { room, agent: "bob" } },
  { message: "come", kind: "room.invited", data: { room, by: "bob" } },
  { message: "bob is here", kind: "agent.joined", data: { agent: "bob" } },
];

const strangeContents: readonly Envelope["content"][] = [
  { message: "plain" },
  { message: "", kind: "chat", data: null },
  { message: "a fault", kind: "fault", data: { code: "timeout" } },
  { message: "a fault of no known code", kind: "fault", data: 7 },
  { message: "an invitation", kind: "room.invited", data: { room: "#x", by: "bob" } },
  { message: "an arrival", kind: "room.joined", data: { room: "#x", agent: "bob" } },
  { message: "an arrival without data", kind: "room.joined" },
  { message: "a kind of tomorrow", kind: "hologram", data: { deep: [{ er: true }] } },
  { message: "a prototype's name", kind: "constructor", data: { code: "__proto__" } },
];
