import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { PlainAgent, type WireMessage } from "../kit/plain-agent.js";

/** A schema file as other languages read it. */
function fromFile(name: string): z.ZodType {
  return z.fromJSONSchema(
    JSON.parse(readFileSync(new URL(`../../schemas/${name}.json`, import.meta.url), "utf8")) as Parameters<
      typeof z.fromJSONSchema
    >[0],
  );
}

const heardSchema = fromFile("envelope");
const requests = fromFile("broker-requests");

/** What a plain program may write: a time without a zone, a foreign priority, keys of its own, the type in capitals. */
const careless: Partial<WireMessage> = {
  timestamp: "2026-02-03T04:05:06.789012",
  priority: "CRITICAL",
  type: "INFORM",
  mood: "fine",
};

describe("the schemas for what is heard, beside a real broker", () => {
  let at: TestBroker;
  let ada: PlainAgent;
  let bob: PlainAgent;
  beforeAll(async () => {
    at = await startBroker();
    ada = await new PlainAgent("ada", at, { declare: true, topics: ["ada", "#past"] }).meet();
    bob = await new PlainAgent("bob", at, { declare: true }).meet();
  });
  afterAll(async () => {
    ada.close();
    bob.close();
    await at.stop();
  });

  it("take what a plain peer writes and the broker passes on", async () => {
    const sent = await bob.send("ada", "inform", "hello", careless);
    const text = {
      ...(await bob.send("ada", "inform", "x", { content: "only text" as unknown as WireMessage["content"] })),
    };
    for (const { message_id } of [sent, text])
      expect(
        heardSchema.safeParse((await ada.hears(({ message }) => message.message_id === message_id)).message).error,
      ).toBeUndefined();
  });

  it("take the past of a room as the broker replays it", async () => {
    await bob.send("#past", "inform", "hello", careless);
    await bob.settled();
    await bob.asks("room.history", { room: "#past", count: 5 });
    const { message } = await bob.hears((heard) => heard.message["replay"] === true);
    expect(message).toMatchObject({ timestamp: careless.timestamp, received_at: expect.any(String) as string });
    expect(heardSchema.safeParse(message).error).toBeUndefined();
  });

  it("take requests to $broker that it answers", async () => {
    const asked = await bob.send("$broker", "REQUEST", "who is here?", {
      ...careless,
      type: "REQUEST",
      content: { message: "who is here?", kind: "agents.list" },
    });
    expect((await bob.hears(({ message }) => message.in_reply_to === asked.message_id)).message).toMatchObject({
      type: "response",
    });
    expect(requests.safeParse(asked).error).toBeUndefined();
  });

  it("refuse what has no sender, and what is no message", () => {
    for (const message of [{ type: "inform" }, { from: "bob", type: "shout" }, { from: "", type: "inform" }, []])
      expect(heardSchema.safeParse(message).success).toBe(false);
  });
});
