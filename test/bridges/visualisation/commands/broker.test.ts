import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Heard } from "../../../../src/conformance/conversation.js";
import { Fault } from "../../../../src/core/index.js";
import { deskKinds } from "../../../../src/desk/kinds.js";
import { kind } from "../../../../src/desk/kind.js";
import { WaitingKind } from "../../../kit/waiting-kind.js";
import { CommandWorld, executes } from "./kit.js";

const payloadOf = (heard: Heard): Heard => heard["payload"] as Heard;
const asks = (id: string, command: string, parameters: object = {}): Heard =>
  executes(id, { targetAgent: "$broker", command, parameters });

describe("a command to $broker", () => {
  it("asks the desk: the command is the kind, the parameters are its data", async () => {
    const at = new CommandWorld();
    await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(asks("1", "agents.list"));
    const result = payloadOf(await olga.hears({ type: "control.result" }));
    expect(result).toMatchObject({ targetAgent: "$broker", status: "completed", requestId: "1", durationMs: 0 });
    expect((result["result"] as Heard)["data"]).toMatchObject({ agents: [{ name: "agent-001" }] });
    expect(at.world.audited).toEqual([
      { event: "command", by: "olga", target: "$broker", command: "agents.list", id: "1", outcome: "completed" },
    ]);
  });

  it.each([
    ["viewing olga", "broker.status", "forbidden"],
    ["operating olga", "broker.status", undefined],
    ["observing olga", "agents.list", undefined],
    ["observing olga", "multi-agent.remove", "forbidden"],
    ["viewing olga", "multi-agent.remove", undefined],
  ])("needs the right of its own kind: %s asks %s", async (token, command, refused) => {
    const at = new CommandWorld();
    const olga = await at.commands(token);
    await olga.says(asks("1", command, { "multi-agentId": "m" }));
    const [heard] = olga.all();
    expect(heard?.["type"]).toBe(refused === undefined ? "control.result" : "error");
    if (refused !== undefined) expect(heard?.["payload"]).toMatchObject({ code: "AUTH_FAILED" });
    expect(at.world.audited).toMatchObject([{ outcome: refused ?? "completed" }]);
  });

  it.each([
    ["dance", "INVALID_MESSAGE"],
    ["__proto__", "INVALID_MESSAGE"],
    ["room.members", "INVALID_MESSAGE"],
  ])("that the desk does not take is refused by it: %s", async (command, code) => {
    const at = new CommandWorld();
    const olga = await at.commands();
    await olga.says(asks("1", command));
    expect(payloadOf(await olga.hears({ type: "error" }))).toMatchObject({ code, details: { requestId: "1" } });
  });

  it("that would wait for something to happen is answered with what there is", async () => {
    const waiting = new WaitingKind();
    const at = new CommandWorld({}, { kinds: { ...deskKinds, wait: waiting.row } });
    const olga = await at.commands();
    await olga.says(asks("1", "wait", { wait_ms: 10_000 }));
    expect(payloadOf(await olga.hears({ type: "control.result" }))).toMatchObject({ result: { message: "nothing" } });
  });

  it("that fails later is answered, and so is its repetition", async () => {
    const fails = kind({
      request: z.strictObject({}),
      answer: undefined,
      right: undefined,
      length: () => 0,
      run: () => Promise.reject(new Fault("unavailable", "the disk is full")),
    });
    const at = new CommandWorld({}, { kinds: { fails } });
    const olga = await at.commands();
    for (let n = 0; n < 2; n += 1) {
      await olga.says(asks("1", "fails"));
      expect(payloadOf(await olga.hears({ type: "error" }))).toMatchObject({
        code: "CONNECTION_FAILED",
        message: "the disk is full",
      });
    }
    expect(at.world.audited).toMatchObject([{ outcome: "unavailable" }]);
  });
});

describe("a command with a callback", () => {
  const callback = { type: "webhook", url: "https://api.example.com/callbacks/cmd-131" };

  it("has its answer POSTed, too", async () => {
    const at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131", { callback }));
    const asked = await agent.hears({ type: "chat" });
    expect(JSON.stringify(asked)).not.toContain("api.example.com");
    expect(at.posted).toEqual([]);
    await agent.says({ type: "chat", to: asked["from"], text: "done", replyTo: asked["messageId"] });
    const told = await olga.hears({ type: "control.result" });
    expect(at.posted).toMatchObject([
      { url: callback.url, by: "olga", body: { type: "control.result", payload: told["payload"] } },
    ]);
    await olga.says(executes("msg-131", { callback }));
    expect(at.posted).toHaveLength(1);
  });

  it("has its failure POSTed, too, and the answer of the broker", async () => {
    const at = new CommandWorld();
    const olga = await at.commands();
    await olga.says(executes("1", { callback }));
    await olga.says(executes("2", { callback, targetAgent: "$broker", command: "ping", parameters: {} }));
    expect(at.posted).toMatchObject([
      { body: { type: "error", payload: { details: { requestId: "1" } } } },
      { body: { type: "control.result", payload: { targetAgent: "$broker", requestId: "2" } } },
    ]);
  });

  it.each(["agent-001", "$broker"])("to another host executes nothing (%s)", async (targetAgent) => {
    const at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131", { targetAgent, callback: { type: "webhook", url: "https://evil.org/" } }));
    expect(payloadOf(await olga.hears({ type: "error" }))).toMatchObject({ code: "INVALID_MESSAGE" });
    await agent.hearsNothing();
    await olga.hearsNothing();
    expect(at.posted).toEqual([]);
  });
});
