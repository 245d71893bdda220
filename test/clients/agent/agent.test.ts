import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Agent, type AgentOptions, type Envelope, Fault, type Request } from "../../../src/index.js";
import { LocalAgents, next, requestOf, transports } from "../../kit/local-agents.js";

describe.each(transports)("an agent that asks and answers, over %s", (transport) => {
  let world: LocalAgents;
  const join = (name: string, options?: AgentOptions): Promise<Agent> => world.join(name, options);

  beforeEach(async () => {
    world = await LocalAgents.start(transport);
  });
  afterEach(() => world.stop());

  it("answers a request with what its handler returns", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    bob.onRequest(async (request) => {
      await Promise.resolve();
      return { message: `you said ${request.content.message}`, data: { from: request.from } };
    });
    const answer = await ada.request("bob", "hello", { timeoutMs: 5_000 });
    expect(answer).toMatchObject({
      from: "bob",
      to: "ada",
      type: "response",
      content: { message: "you said hello", data: { from: "ada" } },
    });
  });

  it("keeps apart the answers of many requests at once", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    bob.onRequest(({ content }) => content.message);
    const words = Array.from({ length: 200 }, (_, n) => `word ${n}`);
    const answers = await Promise.all(words.map((word) => ada.request("bob", word)));
    expect(answers.map(({ content }) => content.message)).toEqual(words);
  });

  it("says at once that nobody is there", async () => {
    const ada = await join("ada");
    await expect(ada.request("ghost", "?", { timeoutMs: 5_000 })).rejects.toMatchObject({ code: "not-found" });
  });

  it("gives up when nobody answers in time, or when it is told to", async () => {
    const [ada] = [await join("ada"), await join("silent")];
    await expect(ada.request("silent", "?", { timeoutMs: 50 })).rejects.toMatchObject({ code: "timeout" });
    const patience = new AbortController();
    const asked = ada.request("silent", "?", { signal: patience.signal });
    patience.abort();
    await expect(asked).rejects.toBeInstanceOf(Fault);
  });

  it("tells the asker when a handler fails, without its inner words", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    bob.onRequest(() => {
      throw new Error("secret path");
    });
    const failed = await ada.request("bob", "hello").catch((thrown: unknown) => thrown);
    expect(failed).toBeInstanceOf(Fault);
    expect(failed).toMatchObject({ code: "internal", message: "the agent failed to answer" });
    expect(JSON.stringify((failed as Fault).detail)).not.toContain("secret path");
  });

  it.each([
    ["a number", 42],
    ["an object without a text", { answer: 42 }],
    ["what is no JSON", { message: "x", data: 5n }],
    ["too much", "x".repeat(1_100_000)],
  ])("tells the asker and the log when a handler gives %s", async (_about, given) => {
    const failures: unknown[] = [];
    const bob = await join("bob", { log: (_level, event, fields) => failures.push([event, fields?.["cause"]]) });
    const ada = await join("ada");
    bob.onRequest(() => given as string);
    const asked = ada.request("bob", "hello", { timeoutMs: 5_000 });
    await expect(asked).rejects.toMatchObject({ code: "internal", message: "the agent failed to answer" });
    expect(failures).toContainEqual(["a request handler failed", expect.stringMatching(/say a text|JSON|bytes/)]);
  });

  it("finishes its answers before it closes, and hears nothing after", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const begun = new Promise<void>((resolve) => {
      bob.onRequest(async () => {
        resolve();
        await gate;
        return "done";
      });
    });
    const asked = ada.request("bob", "take your time");
    await begun;
    const closed = bob.close();
    go();
    expect((await asked).content.message).toBe("done");
    await closed;
    await expect(bob.inform("ada", "too late")).rejects.toMatchObject({ code: "going-away" });
  });

  it("asks in vain where reports are read", async () => {
    const ada = await join("ada");
    await expect(ada.request("$telemetry", "?", { timeoutMs: 5_000 })).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("report by inform") as string,
    });
  });

  it("answers nothing but requests, whatever JavaScript lets it try", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    await bob.respond(requestOf("ada"), "stray");
    const stray = await next(ada);
    await expect(ada.respond(stray as Request, "never")).rejects.toMatchObject({ code: "malformed" });
    bob.onRequest(() => "yes");
    await expect(ada.respond((await ada.request("bob", "?")) as Request, "never")).rejects.toMatchObject({
      code: "malformed",
    });
  });

  it("leaves out a request that has expired before somebody takes it, and counts it", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    const asked = bob.request("ada", "quick?", { timeoutMs: 50, expiresInMs: 50 });
    await expect(asked).rejects.toMatchObject({ code: "timeout" });
    await bob.inform("ada", "marker");
    expect((await next(ada)).content.message).toBe("marker");
    expect(ada.dropped).toBe(1);
  });

  it("hears a request whose asker waits no longer: the answer is heard late, by its handler", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    const asked = bob.request("ada", "slow?", { timeoutMs: 50 });
    await expect(asked).rejects.toMatchObject({ code: "timeout" });
    const late = new Promise<Envelope>((resolve) => bob.onResponse(resolve));
    const request = await next(ada);
    expect(request).toMatchObject({ type: "request", wait_ms: 50 });
    expect(request).not.toHaveProperty("expires_at");
    await ada.respond(request as Request, "at last");
    expect(await late).toMatchObject({ in_reply_to: request.message_id, content: { message: "at last" } });
    expect(ada.dropped).toBe(0);
  });

  it("asks the desk by itself, and is a member through its answer", async () => {
    const ada = await join("ada");
    await ada.join("#lab");
    const answer = await ada.request("$broker", { message: "x", kind: "room.members", data: { room: "#lab" } });
    expect(answer.content.data).toEqual({ room: "#lab", members: ["ada"] });
    await expect(ada.join("lab")).rejects.toMatchObject({ code: "malformed" });
    await expect(ada.leave("#nowhere")).rejects.toMatchObject({ code: "not-found" });
    const pong = await ada.request("$broker", { message: "x", kind: "ping" });
    expect(pong.content.data).toEqual({ connections: 1 });
  });
});
