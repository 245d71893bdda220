import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent } from "../../../src/index.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";

type Loose = Record<"inform" | "request" | "respond" | "join" | "subscribe", (...given: unknown[]) => Promise<unknown>>;

const cyclic: Record<string, unknown> = {};
cyclic["self"] = cyclic;
const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
};
const sulky = {
  toJSON(): never {
    throw new Error("not me");
  },
};

/** What JavaScript lets an application say, and what the refusal names. */
const contents: readonly (readonly [string, unknown, string])[] = [
  ["a number", 5, "say a text"],
  ["null", null, "say a text"],
  ["nothing", undefined, "say a text"],
  ["a list", ["x"], "say a text"],
  ["no message", { kind: "x" }, "say a text"],
  ["a message that is no text", { message: 7 }, "message is no text"],
  ["a kind that is no text", { message: "m", kind: 7 }, "kind is no text"],
  ["a circle", { message: "m", data: cyclic }, "cannot be written as JSON"],
  ["a BigInt", { message: "m", data: 5n }, "cannot be written as JSON"],
  ["what does not want to be JSON", { message: "m", data: sulky }, "cannot be written as JSON"],
  ["65 levels", { message: "m", data: nested(65) }, "deeper than 64 levels"],
  ["20,000 levels", { message: "m", data: nested(20_000) }, "as JSON"],
];
const options: readonly (readonly [string, unknown])[] = [
  ["priority", "SILLY"],
  ["priority", "low"],
  ["messageId", 7],
  ["messageId", ""],
  ["messageId", "i".repeat(257)],
  ["conversationId", "c".repeat(257)],
  ["inReplyTo", {}],
];
const topics: readonly unknown[] = [undefined, 5, null, {}, Symbol("x"), "q".repeat(1_025)];

describe.each(["over ZeroMQ", "in the broker's own process"])("what an agent is told to say, %s,", (where) => {
  let at: TestBroker;
  let agent: Agent;
  let ada: Loose;
  beforeAll(async () => {
    at = await startBroker();
    const doors = { in: at.zmqIn, out: at.zmqOut };
    agent = where === "over ZeroMQ" ? await Agent.connect({ ...doors, name: "ada" }) : at.broker.agent("ada");
    ada = agent as unknown as Loose;
  });
  afterAll(async () => {
    await agent.close();
    await at.stop();
  });
  const malformed = (words: string): unknown => ({
    code: "malformed",
    message: expect.stringContaining(words) as string,
  });

  it.each(contents)("is refused when it is %s", async (_about, content, words) => {
    await expect(ada.inform("bob", content)).rejects.toMatchObject(malformed(words) as object);
    await expect(ada.request("bob", content)).rejects.toMatchObject(malformed(words) as object);
  });

  it.each(options)("is refused with %s: %j", async (name, value) => {
    const given = { [name]: value };
    await expect(ada.inform("bob", "x", given)).rejects.toMatchObject(malformed(name) as object);
    await expect(ada.request("bob", "x", given)).rejects.toMatchObject(malformed(name) as object);
  });

  it("is refused to what is no topic", async () => {
    for (const topic of topics) {
      await expect(ada.inform(topic, "x")).rejects.toMatchObject(malformed("the topic") as object);
      await expect(ada.request(topic, "x")).rejects.toMatchObject(malformed("the topic") as object);
      await expect(ada.join(topic)).rejects.toMatchObject(malformed("the topic") as object);
      expect(() => ada.subscribe(topic)).toThrow("the topic");
    }
  });

  it("is no response to what is no request", async () => {
    for (const request of [null, undefined, 7, {}, { type: "request" }, { type: "request", from: 7, message_id: "x" }])
      await expect(ada.respond(request, "x")).rejects.toMatchObject({ code: "malformed" });
  });

  it("leaves the agent as it was", async () => {
    expect((await agent.request("$broker", { message: "ping", kind: "ping" })).content.message).toBe("pong");
    for (const topic of ["$foo", "nobody", "q".repeat(1_000)])
      await expect(agent.request(topic, "x")).rejects.toMatchObject({
        code: topic === "$foo" ? "forbidden" : "not-found",
      });
  });
});
