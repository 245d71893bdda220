import { afterEach, describe, expect, it } from "vitest";
import type { Conversation, Heard } from "../../../../src/conformance/conversation.js";
import { CommandWorld, executes } from "./kit.js";

let at: CommandWorld;
afterEach(() => {
  at.world.expectSound();
});

const payloadOf = (heard: Heard): Heard => heard["payload"] as Heard;

/** What the session hears next of a command: `control.result` or `error`. */
async function answer(session: Conversation, type = "control.result"): Promise<Heard> {
  return session.hears({ type });
}

/** An agent answers what it was last asked. */
async function answers(agent: Conversation, text: string, data?: unknown): Promise<Heard> {
  const asked = await agent.hears({ type: "chat", intent: "request" });
  await agent.says({
    type: "chat",
    to: asked["from"],
    text,
    replyTo: asked["messageId"],
    ...(data !== undefined && { data }),
  });
  return asked;
}

describe("a command", () => {
  it("reaches its agent as a request of kind control.execute, and its answer comes back", async () => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131", {}, { correlationId: "corr-1", priority: "critical" }));
    const asked = await answers(agent, "42 papers", { papers: 42 });
    expect(asked).toMatchObject({
      fromName: "olga",
      to: "agent-001",
      trust: "proved",
      messageId: "msg-131",
      text: 'execute_tool {"tool":"web_search","query":"latest AI research papers","maxResults":10}',
      data: {
        command: "execute_tool",
        parameters: { tool: "web_search", query: "latest AI research papers", maxResults: 10 },
      },
    });
    expect(asked["from"]).toMatch(/^control-/);
    const result = await answer(olga);
    expect(result).toMatchObject({
      payload: {
        targetAgent: "agent-001",
        status: "completed",
        result: { message: "42 papers", data: { papers: 42 } },
        requestId: "msg-131",
        durationMs: 0,
      },
      metadata: { correlationId: "corr-1", priority: "critical" },
    });
    expect(at.world.audited).toEqual([
      {
        event: "command",
        by: "olga",
        target: "agent-001",
        command: "execute_tool",
        id: "msg-131",
        outcome: "completed",
      },
    ]);
    expect(JSON.stringify(at.world.audited)).not.toContain("web_search");
  });

  it("that the agent says has failed has failed", async () => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131"));
    await answers(agent, "I cannot", { error: { code: "no-such-tool" } });
    expect(payloadOf(await answer(olga))).toMatchObject({
      status: "failed",
      result: { message: "I cannot", data: { error: { code: "no-such-tool" } } },
    });
    expect(at.world.audited).toMatchObject([{ outcome: "failed" }]);
  });

  it.each([[{ error: null }], [{ error: false }], [{ errors: 0 }], [undefined], ["error"]])(
    "that is answered with data %j is completed",
    async (data) => {
      at = new CommandWorld();
      const agent = await at.agent("agent-001");
      const olga = await at.commands();
      await olga.says(executes("msg-131"));
      await answers(agent, "done", data);
      expect(payloadOf(await answer(olga))).toMatchObject({ status: "completed", result: { data: data ?? null } });
    },
  );

  it("holds up nothing else that the session says, and answers come in whatever order", async () => {
    at = new CommandWorld();
    const [one, two] = [await at.agent("one"), await at.agent("two")];
    const olga = await at.commands();
    await olga.says(executes("1", { targetAgent: "one" }));
    await olga.says(executes("2", { targetAgent: "two" }));
    await olga.says({ type: "heartbeat" });
    await olga.hears({ type: "heartbeat" });
    await answers(two, "second");
    expect(payloadOf(await answer(olga))).toMatchObject({ requestId: "2" });
    await answers(one, "first");
    expect(payloadOf(await answer(olga))).toMatchObject({ requestId: "1" });
  });

  it("ends when its time is over, and a late answer is nobody's", async () => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131", { timeout: 2_000 }));
    const asked = await agent.hears({ type: "chat" });
    at.world.clock.advance(1_999);
    await olga.hearsNothing();
    at.world.clock.advance(1);
    expect(payloadOf(await answer(olga, "error"))).toMatchObject({
      code: "COMMAND_FAILED",
      message: "agent-001 has not answered in time",
      details: { requestId: "msg-131", component: "control", stackTrace: null },
      recoverable: true,
    });
    await agent.says({ type: "chat", to: asked["from"], text: "sorry, late", replyTo: asked["messageId"] });
    await olga.hearsNothing();
    expect(at.world.audited).toMatchObject([{ outcome: "timeout" }]);
  });

  it("without a time of its own waits as long as any request, and for none longer than a request may", async () => {
    at = new CommandWorld({ requestTimeoutMs: 1_000, requestMaxMs: 5_000 });
    await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("1", { timeout: undefined }));
    at.world.clock.advance(1_000);
    await answer(olga, "error");
    await olga.says(executes("2", { timeout: 1_000_000 }));
    at.world.clock.advance(4_999);
    await olga.hearsNothing();
    at.world.clock.advance(1);
    await answer(olga, "error");
  });

  it("whose ttl is over before it gets there fails", async () => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131", {}, { ttl: 0 }));
    expect(payloadOf(await answer(olga, "error"))["message"]).toContain("expired");
    await agent.hearsNothing();
    await olga.says(executes("msg-132", {}, { ttl: 1e300 }));
    await agent.hears({ type: "chat", messageId: "msg-132" });
  });

  it("to nobody is told so", async () => {
    at = new CommandWorld({}, { dataTopics: ["prices"] });
    const olga = await at.commands();
    const other = await at.commands("viewing otto");
    const heard: string[] = [];
    at.world.router.subscribe("prices", { deliver: ({ topic }) => heard.push(topic) > 0 });
    const control = `control-${other.connection.id}`;
    for (const target of ["agent-999", "", "@bob", "~reviewers", "a\nb", "prices", control, "x".repeat(200)]) {
      await olga.says(executes(target, { targetAgent: target }));
      expect(payloadOf(await answer(olga, "error"))).toMatchObject({
        code: "AGENT_NOT_FOUND",
        details: { requestId: target },
      });
    }
    expect(heard).toEqual([]);
    await other.hearsNothing();
  });

  it.each(["#general", "#secret", "all", "$events", "$telemetry"])("is for one agent, not for %s", async (target) => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    await agent.says({ type: "join", room: "#general" });
    agent.all();
    const olga = await at.commands();
    await olga.says(executes("msg-131", { targetAgent: target }));
    const { code, message } = payloadOf(await answer(olga, "error"));
    expect(code).toBe("INVALID_MESSAGE");
    expect(message).toContain("payload.targetAgent");
    await agent.hearsNothing();
  });

  it("to an agent that goes away meanwhile ends in its time, and another takes no offence", async () => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131"));
    await agent.vanishes();
    await olga.says(executes("msg-132"));
    expect(payloadOf(await answer(olga, "error"))).toMatchObject({
      code: "AGENT_NOT_FOUND",
      details: { requestId: "msg-132" },
    });
    at.world.clock.advance(30_000);
    expect(payloadOf(await answer(olga, "error"))).toMatchObject({ details: { requestId: "msg-131" } });
  });

  it("of a session that ends is answered to nobody, and what it waited for is forgotten", async () => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131", { callback: { type: "webhook", url: "https://api.example.com/131" } }));
    const asked = await agent.hears({ type: "chat" });
    await olga.vanishes();
    expect(at.world.requests.size).toBe(0);
    await agent.says({ type: "chat", to: asked["from"], text: "done", replyTo: asked["messageId"], messageId: "late" });
    expect(at.world.audited).toMatchObject([{ outcome: "unavailable" }]);
    expect(at.posted).toMatchObject([{ body: { type: "error", payload: { details: { requestId: "msg-131" } } } }]);
  });

  it("needs control", async () => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const eve = await at.commands("observing eve");
    await eve.says(executes("msg-131"));
    expect(payloadOf(await answer(eve, "error"))).toMatchObject({ code: "AUTH_FAILED" });
    await agent.hearsNothing();
  });

  it("beyond as many as may be under way is refused, and can be said again", async () => {
    at = new CommandWorld({ sessionCallsMax: 2 });
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    for (const id of ["1", "2", "3"]) await olga.says(executes(id));
    expect(payloadOf(await answer(olga, "error"))).toMatchObject({
      code: "COMMAND_FAILED",
      details: { requestId: "3" },
    });
    await answers(agent, "one");
    await answer(olga);
    await olga.says(executes("3"));
    await agent.hears({ type: "chat", messageId: "3" });
  });
});

describe("what others answer to a command", () => {
  it("counts from the agent alone that was commanded, and once", async () => {
    at = new CommandWorld();
    const [agent, mallory] = [await at.agent("agent-001"), await at.agent("mallory")];
    const olga = await at.commands();
    await olga.says(executes("msg-131"));
    const asked = await agent.hears({ type: "chat" });
    const reply = { type: "chat", to: asked["from"], replyTo: "msg-131" };
    await mallory.says({ ...reply, text: "forged", intent: "response" });
    await olga.hearsNothing();
    await agent.says({ ...reply, text: "true", messageId: "a" });
    expect(payloadOf(await answer(olga))).toMatchObject({ result: { message: "true" } });
    await agent.says({ ...reply, text: "once more", messageId: "b" });
    await mallory.says({ ...reply, text: "forged", intent: "response" });
    await olga.hearsNothing();
  });

  it("is not heard by another session of the same token", async () => {
    at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const [olga, twin] = [await at.commands(), await at.commands()];
    await olga.says(executes("msg-131"));
    await answers(agent, "done");
    await answer(olga);
    await twin.hearsNothing();
  });

  it("is not told where too much waits for the session already, and comes when it is asked for again", async () => {
    at = new CommandWorld({ wsBacklogMaxBytes: 100_000 });
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131"));
    olga.connection.buffered = 99_000;
    await answers(agent, "x".repeat(2_000));
    expect(payloadOf(await answer(olga, "error"))).toMatchObject({ details: { requestId: "msg-131" } });
    olga.connection.buffered = 0;
    await olga.says(executes("msg-131"));
    expect(payloadOf(await answer(olga))).toMatchObject({ requestId: "msg-131", status: "completed" });
    await agent.hearsNothing();
  });
});

describe("the answer to a command that came in a channel", () => {
  /** Says a command in a channel and lets its agent answer. */
  async function commands(id: string, channel?: string): Promise<readonly Heard[]> {
    const agent = await at.agent(`agent of ${id}`);
    const message = executes(id, { targetAgent: `agent of ${id}` });
    await olga.says(channel === undefined ? message : { channel, sequence: 1, message });
    if (id === "closed") await olga.says({ type: "channel.close", channelId: "cmd" });
    await answers(agent, "done");
    return olga.all();
  }
  let olga: Conversation;
  const result = (id: string): object => ({ type: "control.result", payload: { requestId: id, status: "completed" } });

  it("comes in that channel, past what waits in it; in the main stream where it is closed by then", async () => {
    at = new CommandWorld();
    olga = await at.commands();
    await olga.says({ type: "channel.create", channelId: "cmd" });
    expect(await commands("1", "cmd")).toMatchObject([{ channel: "cmd", sequence: 1, message: result("1") }]);
    olga.connection.buffered = at.world.limits.wsBacklogMaxBytes * 0.75;
    expect(await commands("2", "cmd")).toMatchObject([{ channel: "cmd", sequence: 2, message: result("2") }]);
    olga.connection.buffered = 0;
    expect(await commands("3")).toMatchObject([result("3")]);
    expect(await commands("closed", "cmd")).toMatchObject([result("closed")]);
  });

  it("comes in the channel that carries answers, wherever the command came in outside of channels", async () => {
    at = new CommandWorld();
    olga = await at.commands();
    await olga.says({ type: "channel.create", channelId: "control.result" });
    await olga.says({ type: "channel.create", channelId: "cmd" });
    expect(await commands("1")).toMatchObject([{ channel: "control.result", message: result("1") }]);
    expect(await commands("2", "cmd")).toMatchObject([{ channel: "cmd", message: result("2") }]);
  });
});

describe("contacts", () => {
  it("are not passed by control, and whether an agent is here that one may not meet is not told", async () => {
    at = new CommandWorld({}, { settings: { echo: { contacts: "listed" } } });
    const agent = await at.listed("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131"));
    const refused = payloadOf(await answer(olga, "error"));
    expect(refused).toMatchObject({
      code: "COMMAND_FAILED",
      message: expect.stringContaining("not approved") as string,
    });
    await agent.hearsNothing();
    await agent.vanishes();
    await olga.says(executes("msg-132"));
    expect(payloadOf(await answer(olga, "error"))).toMatchObject({
      code: "COMMAND_FAILED",
      message: refused["message"],
    });
  });
});
