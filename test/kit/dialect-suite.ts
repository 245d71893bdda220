import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultLimits, Fault, faultCodes, Message, type Envelope } from "../../src/core/index.js";
import { defineDialect, type AnyDialect, type Frame } from "../../src/dialect/index.js";
import { BridgeWorld } from "./bridge-world.js";
import { settled, type Conversation } from "./conversation.js";

/** What the suite must know of a dialect to speak it. */
export interface DialectUnderTest {
  readonly dialect: AnyDialect;
  /** Where it answers. */
  readonly path: string;
  /** The frames that log an agent in. */
  login(name: string): readonly Frame[];
  /** The name that routes, of the agent that logs in so; the same by default. */
  idOf?(name: string): string;
  /** A frame whose command does not exist. */
  command(type: string): Frame;
  /** Text to an agent or `#room`. */
  say(to: string, text: string): Frame;
  /** The text that a frame tells, if it tells one. */
  textOf(frame: Frame): string | undefined;
  /** True for a frame that refuses something. */
  isRefusal(frame: Frame): boolean;
}

const prototypeNames = [
  "constructor",
  "__proto__",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "__defineGetter__",
];

/** What every dialect must pass, whatever it is. */
export function dialectSuite(subject: DialectUnderTest): void {
  const { dialect, path } = subject;
  const idOf = (name: string): string => subject.idOf?.(name) ?? name;
  const worldOf = (): BridgeWorld => new BridgeWorld([dialect]);
  const enter = async (world: BridgeWorld, name: string): Promise<Conversation> => {
    const client = world.connect(path);
    for (const frame of subject.login(name)) await client.says(frame);
    expect(world.directory.agent(idOf(name))?.dialect, `${name} is logged in`).toBe(dialect.name);
    return client;
  };
  const refusals = ({ connection: { frames } }: Conversation): number =>
    frames.filter((frame) => subject.isRefusal(frame)).length;

  describe(`the dialect ${dialect.name}`, () => {
    it("logs in and carries text both ways, in order, once each", async () => {
      const world = worldOf();
      const [ada, bob] = [await enter(world, "ada"), await enter(world, "bob")];
      const texts = ["one", "", "ünïcödé \u{1F980}", '{"type":"quote"}', "\n"];
      for (const text of texts) await ada.says(subject.say("bob", text));
      expect(bob.connection.frames.flatMap((frame) => subject.textOf(frame) ?? [])).toEqual(texts);
      await bob.says(subject.say("ada", "back"));
      expect(ada.connection.frames.flatMap((frame) => subject.textOf(frame) ?? [])).toEqual(["back"]);
      world.expectSound();
    });

    it("refuses a command that does not exist, and goes on", async () => {
      const world = worldOf();
      const [ada, bob] = [await enter(world, "ada"), await enter(world, "bob")];
      for (const type of ["no-such-command", "", ...prototypeNames]) {
        const before = refusals(ada);
        await ada.says(subject.command(type));
        expect(refusals(ada), `${type} is refused`).toBe(before + 1);
      }
      await ada.says(subject.say("bob", "still here"));
      expect(bob.connection.frames.flatMap((frame) => subject.textOf(frame) ?? [])).toEqual(["still here"]);
      world.expectSound();
    });

    it("refuses what is said before the login, and lets nobody in by it", async () => {
      const world = worldOf();
      await enter(world, "bob");
      const routed = world.ledger.messages.routed;
      for (const frame of [subject.say("bob", "psst"), ...prototypeNames.map((type) => subject.command(type))]) {
        const eve = world.connect(path);
        await eve.says(frame);
        expect(refusals(eve)).toBe(1);
      }
      expect(world.directory.agents().map(({ name }) => name)).toEqual([idOf("bob")]);
      expect(world.ledger.messages.routed).toBe(routed);
      world.expectSound();
    });

    it("ends a session that does not log in", async () => {
      const world = worldOf();
      const eve = world.connect(path);
      world.clock.advance(defaultLimits.wsLoginMs * 12);
      await settled();
      expect(eve.closing).toBeDefined();
      expect(world.waiting).toBe(0);
    });

    it("reads a frame of the largest size, and the deepest one, without failing", async () => {
      const world = worldOf();
      const ada = await enter(world, "ada");
      const size = defaultLimits.wsFrameMaxBytes;
      for (const frame of [
        "[".repeat(size),
        "x".repeat(size),
        `{"type":${"[".repeat(size / 2 - 10)}`,
        JSON.stringify({ type: "x".repeat(size - 20) }),
        Buffer.alloc(size),
      ]) {
        await ada.says(frame);
      }
      expect(ada.closing === undefined || refusals(ada) > 0).toBe(true);
      world.expectSound();
    });

    it("answers random bytes and random JSON with faults only", async () => {
      const world = new BridgeWorld([dialect], { limits: { abuseRefusalsMax: 0 } });
      const frames = fc.oneof(
        fc.string(),
        fc.json(),
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        fc
          .record({ type: fc.oneof(fc.constantFrom(...prototypeNames), fc.string()) }, { requiredKeys: [] })
          .map((value) => JSON.stringify(value)),
        fc
          .tuple(fc.constantFrom(subject.say("bob", "x"), ...subject.login("eve")), fc.json())
          .map(([frame, junk]) => `${frame.toString().slice(0, -1)},"to":${junk},"text":${junk},"name":${junk}}`),
      );
      await fc.assert(
        fc.asyncProperty(fc.boolean(), fc.array(frames, { maxLength: 8 }), async (loggedIn, said) => {
          const client = world.connect(path);
          if (loggedIn) for (const frame of subject.login("eve")) await client.says(frame);
          for (const frame of said) client.connection.says(frame);
          await client.vanishes();
          expect(world.ledger.reasons["dialect-failed"]).toBeUndefined();
          expect(world.ledger.reasons["refused-internal"]).toBeUndefined();
        }),
        { numRuns: 150 },
      );
      world.expectSound();
    });

    it("has words for every fault, and they can be written", () => {
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
        new BridgeWorld([probe]).connect(path);
        expect(told).toEqual([...faultCodes]);
      });
    });

    it("shows every kind of message that the core knows, or drops it as unrenderable", async () => {
      const world = worldOf();
      const ada = await enter(world, "ada");
      for (const content of strangeContents) world.exchange.submit(messageFor(idOf("ada"), content, world));
      await settled();
      expect(ada.closing).toBeUndefined();
      expect(world.ledger.copies.copies).toBe(world.ledger.copies.written + world.ledger.copies.dropped.unrenderable);
      world.expectSound();
    });

    it("leaves nothing behind: no timer, no subscription, no agent", async () => {
      const world = worldOf();
      const before = world.router.size;
      const clients = [await enter(world, "ada"), await enter(world, "bob"), await enter(world, "eve")];
      await clients[0]?.says(subject.say("bob", "hello"));
      await clients[1]?.says(subject.say("ada", "hello yourself"));
      for (const client of clients) await client.vanishes();
      expect(world.router.size).toBe(before);
      expect(world.waiting).toBe(0);
      expect(world.directory.agents()).toEqual([]);
      expect(world.bridges.status().sessions[dialect.name]).toBe(0);
    });

    it("says goodbye with 1001 when the broker leaves", async () => {
      const world = worldOf();
      const ada = await enter(world, "ada");
      await world.bridges.drain(AbortSignal.timeout(5_000));
      await world.bridges.stop();
      expect(ada.closing?.code).toBe(1001);
      expect(world.router.route(idOf("ada"))).toBeUndefined();
    });
  });
}

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

function messageFor(topic: string, content: Envelope["content"], { clock, ledger }: BridgeWorld): Message {
  ledger.messages.accepted += 1;
  const now = clock.now();
  const envelope: Envelope = {
    message_id: `m-${JSON.stringify(content).length}`,
    timestamp: new Date(now).toISOString(),
    from: "$broker",
    to: topic,
    type: "inform",
    priority: "NORMAL",
    content,
  };
  return Message.of(envelope, { topic, receivedAt: now, trust: "proved", origin: undefined });
}
