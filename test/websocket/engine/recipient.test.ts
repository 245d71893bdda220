import { describe, expect, it, vi } from "vitest";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { Message, type Envelope, type Recipient } from "../../../src/core/index.js";
import { probe, type ProbeHandlers, type ProbeOptions } from "../../kit/probe-dialect.js";
import { speaker } from "../../kit/speaker.js";

/** Bob's session and its connection as a mailbox sees it. */
async function bobs(
  { token = "own bob", handlers = {}, ...more }: { token?: string; handlers?: ProbeHandlers } & ProbeOptions = {},
  limits: Readonly<Record<string, number>> = {},
): Promise<{ world: ConformanceWorld; bob: Conversation; recipient: Recipient }> {
  const world = new ConformanceWorld([probe(handlers, more)], { limits });
  const bob = world.connect("/probe");
  await bob.says({ type: "login", name: "bob", ...(token !== "" && { token }) });
  bob.all();
  const recipient = world.router.route("bob")?.readers[0]?.recipient;
  if (recipient === undefined) throw new Error("no recipient");
  return { world, bob, recipient };
}

function waiting(message: string, more: Partial<Envelope> = {}): Message {
  const envelope: Envelope = {
    message_id: `id of ${message}`,
    timestamp: "2026-01-01T00:00:00.000Z",
    from: "ada",
    to: "bob",
    type: "inform",
    priority: "NORMAL",
    content: { message },
    ...more,
  };
  return Message.of(envelope, { topic: "bob", receivedAt: 0, trust: "proved", origin: undefined });
}

describe("a session to which what waited is handed over (protocols §9.1)", () => {
  it("hears it in its dialect's words, in order, each a copy, and proves it when its peer answers", async () => {
    const { world, bob, recipient } = await bobs();
    bob.connection.answersPings = false;
    const proved: number[] = [];
    expect([recipient.push(waiting("one")), recipient.push(waiting("two"))]).toEqual(["taken", "taken"]);
    recipient.prove({}, (tookMs) => proved.push(tookMs));
    world.clock.advance(300);
    await bob.hears({ type: "inform", from: "ada", text: "one" });
    await bob.hears({ text: "two" });
    expect(proved).toEqual([]);
    bob.connection.pong();
    await bob.settles();
    expect(proved).toEqual([300]);
    expect(world.ledger.copies).toMatchObject({ copies: 2, written: 2 });
    world.expectSound();
  });

  it("says who it is, however well that is proved, also once it proves more", async () => {
    for (const [token, trust] of [
      ["own bob", "proved"],
      ["shared", "shared"],
      ["", "claimed"],
    ] as const)
      expect((await bobs({ token })).recipient.principal?.trust).toBe(trust);
  });

  it("comes to its topic anew when it proves more, and only then: the mailbox looks at it again", async () => {
    const { world, bob, recipient } = await bobs({
      token: "shared",
      handlers: { raise: async (session) => session.raise(await speaker(session.services.identity, "bob", "own bob")) },
    });
    const came: (string | undefined)[] = [];
    const subscribe = world.router.subscribe.bind(world.router);
    vi.spyOn(world.router, "subscribe").mockImplementation((topic, subscriber) => {
      if (topic === "bob") came.push(subscriber.recipient?.principal?.trust);
      return subscribe(topic, subscriber);
    });
    for (let times = 0; times < 2; times += 1) await bob.says({ type: "do", what: "raise" });
    expect(came).toEqual(["proved"]);
    expect(recipient.push(waiting("one"))).toBe("taken");
    await bob.hears({ text: "one" });
    expect(world.router.route("bob")?.readers).toHaveLength(1);
    world.expectSound();
  });

  it("counts nothing while it is full, and takes it when there is room", async () => {
    const { world, bob, recipient } = await bobs();
    bob.connection.isFull = true;
    expect(recipient.push(waiting("later"))).toBe("full");
    expect([world.ledger.copies.copies, bob.connection.dropped]).toEqual([0, 0]);
    bob.connection.isFull = false;
    expect(recipient.push(waiting("later"))).toBe("taken");
    await bob.hears({ text: "later" });
    world.expectSound();
  });

  it.each([
    ["has no words for", { render: { variant: () => "", event: () => undefined } }, "has no words for it"],
    ["does not want", { wants: () => false }, "has no words for it"],
    [
      "fails at",
      {
        render: {
          variant: () => "",
          event: () => {
            throw new Error("broken");
          },
        },
      },
      "its log says why",
    ],
  ])("tells of what its dialect %s, and counts no copy", async (_how, options, why) => {
    const { world, bob, recipient } = await bobs(options);
    expect(recipient.push(waiting("x"))).toEqual({ unrenderable: expect.stringContaining(why) as string });
    await bob.hearsNothing();
    expect([world.ledger.copies.copies, world.ledger.copies.dropped.unrenderable]).toEqual([0, 0]);
  });

  it("tells of what is too large to ever wait for it, and of what is no envelope", async () => {
    const { world, recipient } = await bobs({}, { wsBacklogMaxBytes: 500 });
    expect(recipient.push(waiting("x".repeat(600)))).toEqual({
      unrenderable: expect.stringMatching(/Probe\) it has \d+ bytes, and 500 are the most/) as string,
    });
    const arrival = { topic: "bob", receivedAt: 0, trust: "claimed", origin: undefined } as const;
    expect(recipient.push(Message.fromPayload(Buffer.from("{"), arrival))).toEqual({
      unrenderable: expect.stringContaining("no envelope") as string,
    });
    expect(world.ledger.copies.copies).toBe(0);
  });

  it("takes nothing and proves nothing once it is over, though its peer answers before the socket ends", async () => {
    const { world, bob, recipient } = await bobs({
      handlers: {
        end: (session) => {
          session.close({ code: 1000, reason: "" });
        },
      },
    });
    bob.connection.answersPings = false;
    const proved: number[] = [];
    recipient.push(waiting("one"));
    recipient.prove({}, (tookMs) => proved.push(tookMs));
    bob.connection.pong();
    bob.connection.says(JSON.stringify({ type: "do", what: "end" }));
    expect(recipient.push(waiting("two"))).toBe("closed");
    await bob.settles();
    recipient.prove({}, (tookMs) => proved.push(tookMs));
    bob.connection.pong();
    await bob.settles();
    expect([proved, world.ledger.copies.copies]).toEqual([[], 1]);
    world.expectSound();
  });
});
