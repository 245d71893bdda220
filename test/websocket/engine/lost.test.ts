import { describe, expect, it } from "vitest";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { probe, type ProbeHandlers } from "../../kit/probe-dialect.js";

const long = "x".repeat(600);
const say =
  (to: string, message: string, intent?: "inform" | "request") => (session: Parameters<ProbeHandlers[string]>[0]) =>
    void session.say({ to, content: { message }, ...(intent !== undefined && { intent }) });

const handlers: ProbeHandlers = {
  ask: say("bob", "?"),
  "ask much": say("bob", long),
  "tell much": say("bob", long, "inform"),
  tell: say("bob", "!", "inform"),
  "answer much": say("ada", long),
  "answer bob": say("bob", "ok"),
  "answer ada": say("ada", "ok"),
  call: async (session) => {
    const { from, content } = await session.call({ to: "bob", messageId: "c1", content: { message: "?" } });
    session.send({ type: "called", from, text: content.message });
  },
  forge: (session) =>
    void session.publish({ to: "ada", type: "response", inReplyTo: "c1", content: { message: long } }),
  join: (session) => void session.join("#lab", { create: true }),
  shout: (session) => void session.inform({ to: "#lab", content: { message: long } }),
};

/** Two sessions; of bob's dialect a test replaces what it wants. At most 500 bytes wait for one. */
async function two(
  of: Parameters<typeof probe>[1] = {},
): Promise<{ world: ConformanceWorld; ada: Conversation; bob: Conversation }> {
  const world = new ConformanceWorld(
    [probe(handlers), probe(handlers, { name: "other", title: "Other", paths: ["/other"], subprotocols: [], ...of })],
    { limits: { wsBacklogMaxBytes: 500 } },
  );
  const ada = world.connect("/probe");
  const bob = world.connect("/other");
  await ada.says({ type: "login", name: "ada" });
  await bob.says({ type: "login", name: "bob" });
  ada.all();
  bob.all();
  return { world, ada, bob };
}

describe("a message that its receiver will never have", () => {
  it.each(["ask much", "tell much"])("because it is too large for it is refused at once (%s)", async (what) => {
    const { world, ada, bob } = await two();
    bob.connection.isFull = true;
    await ada.says({ type: "do", what });
    expect(await ada.hears({ type: "refused", code: "too-large" })).toMatchObject({
      message: expect.stringMatching(/dialect \(Other\) it has \d+ bytes, and 500 are the most/) as string,
    });
    bob.connection.isFull = false;
    // It asked nothing, so this is no answer.
    await ada.says({ type: "do", what: "ask" });
    await bob.hears({ type: "request", text: "?" });
    expect([bob.all(), world.ledger.copies.dropped.full]).toEqual([[], 1]);
    expect(world.ledger.reasons["lost-too-large"]).toBe(1);
    world.expectSound();
  });

  it("because its dialect has no words for it is refused as unsupported", async () => {
    const { world, ada } = await two({ render: { variant: () => "", event: () => undefined } });
    await ada.says({ type: "do", what: "ask" });
    expect(await ada.hears({ type: "refused", code: "unsupported" })).toMatchObject({
      message: expect.stringContaining("(Other)") as string,
    });
    world.expectSound();
  });

  it("because its dialect failed is refused as internal", async () => {
    const { ada } = await two({
      render: {
        variant: () => "",
        event: () => {
          throw new TypeError("oh");
        },
      },
    });
    await ada.says({ type: "do", what: "ask" });
    await ada.hears({ type: "refused", code: "internal" });
  });

  it("because its connection has just ended is refused as unavailable", async () => {
    const { ada, bob } = await two();
    bob.connection.isFull = true;
    await ada.says({ type: "do", what: "ask" });
    await ada.hears({ type: "refused", code: "unavailable" });
  });

  it("because it reads nothing is told to who asks, and counted for who tells", async () => {
    const { world, ada, bob } = await two();
    bob.connection.isFull = true;
    bob.connection.buffered = 450;
    await ada.says({ type: "do", what: "ask" });
    expect(await ada.hears({ type: "refused", code: "full" })).toMatchObject({
      message: expect.stringContaining("does not read") as string,
    });
    await ada.says({ type: "do", what: "tell" });
    expect(ada.all()).toEqual([]);
    expect(world.ledger.reasons["lost-full"]).toBe(2);
    world.expectSound();
  });

  it("but others of a room have, is told with their number, and nothing of it is refused", async () => {
    const { world, ada, bob } = await two();
    const eve = world.connect("/probe");
    await eve.says({ type: "login", name: "eve" });
    for (const one of [ada, bob, eve]) {
      await one.says({ type: "do", what: "join" });
      one.all();
    }
    for (const one of [ada, bob, eve]) one.all();
    bob.connection.isFull = true;
    await ada.says({ type: "do", what: "shout" });
    await eve.hears({ text: long });
    expect(await ada.hears({ kind: "fault" })).toMatchObject({
      text: expect.stringMatching(/^1 of those who hear #lab did not get this message: .* bytes/) as string,
      data: expect.objectContaining({ code: "too-large", count: 1, to: "#lab" }) as unknown,
    });
    expect(ada.all()).toEqual([]);
    world.expectSound();
  });

  it("and is an answer, is told to who gave it and to who waits for it", async () => {
    const { world, ada, bob } = await two();
    await ada.says({ type: "do", what: "ask" });
    const asked = await bob.hears({ text: "?" });
    expect(asked).toBeDefined();
    ada.connection.isFull = true;
    const send = ada.connection.send.bind(ada.connection);
    ada.connection.send = (frame, copy) => {
      // Only what is too large does not fit.
      ada.connection.isFull = (typeof frame === "string" || Buffer.isBuffer(frame) ? frame : frame.bytes).length > 500;
      return send(frame, copy);
    };
    await bob.says({ type: "do", what: "answer much" });
    await bob.hears({ type: "refused", code: "too-large" });
    expect(await ada.hears({ kind: "fault" })).toMatchObject({
      text: expect.stringMatching(/^the answer of bob did not get through: /) as string,
      data: expect.objectContaining({ code: "too-large" }) as unknown,
      in_reply_to: expect.any(String) as string,
    });
    world.expectSound();
  });

  it("and is an answer of somebody who was not asked, ends no call", async () => {
    const { world, ada, bob } = await two();
    const eve = world.connect("/probe");
    await eve.says({ type: "login", name: "eve" });
    await ada.says({ type: "do", what: "call" });
    await bob.hears({ text: "?" });
    ada.connection.isFull = true; // the forgery would not fit
    await eve.says({ type: "do", what: "forge" });
    await eve.hears({ type: "refused", code: "too-large" });
    ada.connection.isFull = false;
    expect(ada.all()).toEqual([]);
    await bob.says({ type: "do", what: "answer ada" });
    await ada.hears({ type: "called", from: "bob", text: "ok" });
    world.expectSound();
  });
});
