import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent, type Envelope, type Request } from "../../../src/index.js";
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
  ["expiresAt", "2026-02-03T04:05:06"],
  ["expiresAt", "soon"],
  ["expiresAt", 1_770_000_000_000],
  ["expiresAt", new Date(NaN)],
  ["expiresAt", new Date(253_402_300_800_000)],
  ["expiresInMs", 0],
  ["expiresInMs", -1],
  ["expiresInMs", Infinity],
  ["expiresInMs", 1e15],
  ["expiresInMs", "500"],
  ["receipt", true],
  ["receipt", "stored"],
  ["receipt", ["read"]],
  ["ephemeral", 1],
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

  it("is refused with two ends at once", async () => {
    const given = { expiresAt: "2026-02-03T04:05:06Z", expiresInMs: 5 };
    await expect(ada.inform("bob", "x", given)).rejects.toMatchObject(malformed("give one of them") as object);
  });

  it("expires, asks for a receipt and is ephemeral where it is told so, and not else", async () => {
    const doors = { in: at.zmqIn, out: at.zmqOut };
    const bob = await Agent.connect({ ...doors, name: "bob" });
    const expiresAt = new Date(Date.now() + 60_000);
    await agent.inform("bob", "plain", { ephemeral: false });
    await agent.inform("bob", "all", { expiresAt, receipt: ["settled", "stored"], ephemeral: true });
    await agent.inform("bob", "text", { expiresAt: expiresAt.toISOString().replace("Z", "+00:00") });
    const before = Date.now();
    await agent.inform("bob", "soon", { expiresInMs: 60_000 });
    const asked = agent.request("bob", "?", { timeoutMs: 1_000.5, expiresAt }).catch(() => undefined);
    const heard: Envelope[] = [];
    for await (const message of bob) if (heard.push(message) === 5) break;
    const [plain, all, text, soon, request] = heard;
    for (const field of ["expires_at", "receipt", "ephemeral", "wait_ms"]) expect(plain).not.toHaveProperty(field);
    const expires_at = expiresAt.toISOString();
    expect(all).toMatchObject({ expires_at, receipt: ["settled", "stored"], ephemeral: true });
    expect(text).toMatchObject({ expires_at });
    expect(Date.parse(soon?.expires_at ?? "") - before - 60_000).toBeGreaterThanOrEqual(0);
    expect(request).toMatchObject({ expires_at, wait_ms: 1_001 });
    await bob.respond(request as Request, "!");
    await asked;
    await bob.close();
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
