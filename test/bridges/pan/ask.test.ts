import { beforeEach, describe, expect, it } from "vitest";
import { pan } from "../../../bridges/pan/index.js";
import { events } from "../../../bridges/pan/schema.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { deskKinds } from "../../../src/desk/kinds.js";
import { WaitingKind } from "../../kit/waiting-kind.js";

describe("questions to the broker (PAN §13)", () => {
  let world: ConformanceWorld;
  let waiting: WaitingKind;
  beforeEach(() => {
    waiting = new WaitingKind();
    world = new ConformanceWorld([pan], { kinds: { ...deskKinds, "test.wait": waiting.row } });
  });
  const enter = async (agentId: string, token = `own ${agentId}`): Promise<Conversation> => {
    const client = world.connect("/pan");
    await client.says({ type: "auth", agentId, token });
    await client.hears({ status: "success" });
    return client;
  };

  it("are answered in PAN's words, with the id of the question and a text for people", async () => {
    const ada = await enter("ada");
    await ada.says({ type: "ask", kind: "room.create", data: { room: "#lab", invite_only: true }, messageId: "q1" });
    const answer = await ada.hears({ type: "answer" });
    expect(answer).toEqual({
      type: "answer",
      kind: "room.create",
      message: "you made #lab, for invited members only",
      data: { room: "#lab", invite_only: true },
      replyTo: "q1",
    });
    expect(events.answer.strict().safeParse(answer).error).toBeUndefined();
    await ada.says({ type: "ask", kind: "ping" });
    expect(Object.keys(await ada.hears({ kind: "ping" }))).not.toContain("replyTo");
  });

  it("are refused in PAN's words, with the id of the question", async () => {
    const ada = await enter("ada");
    for (const [messageId, kind, data, code, text] of [
      ["q1", "room.dance", undefined, "INVALID_FORMAT", /room\.join/],
      ["q2", "room.join", {}, "INVALID_FORMAT", /^data\.room is missing/],
      ["q3", "broker.status", undefined, "NOT_INVITED", /operator/],
      ["q4", "room.members", { room: "#nowhere" }, "AGENT_NOT_FOUND", /#nowhere/],
      ["q5", "room.create", { room: "#general" }, "CONFLICT", /#general/],
    ] as const) {
      await ada.says({ type: "ask", kind, ...(data && { data }), messageId });
      const refused = await ada.hears({ type: "error", messageId });
      expect([refused["code"], text.test(String(refused["message"]))]).toEqual([code, true]);
    }
    expect(ada.closing).toBeUndefined();
  });

  it("list what others see in other dialects, by the same names as on ZeroMQ", async () => {
    const ada = await enter("ada", "shared");
    world.neighbour("py");
    await ada.says({ type: "ask", kind: "agents.list", messageId: 'a "quoted" id' });
    expect(await ada.hears({ replyTo: 'a "quoted" id' })).toMatchObject({
      data: {
        agents: [
          { name: "ada", display_name: "ada", dialect: "pan", trust: "shared" },
          { name: "py", dialect: "own", trust: "proved" },
        ],
      },
    });
  });

  it("let in whom another member invites, by the only words that PAN has for it", async () => {
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    await ada.says({ type: "ask", kind: "room.create", data: { room: "#lab", invite_only: true } });
    await ada.says({ type: "ask", kind: "room.invite", data: { room: "#lab", agent: "bob" }, messageId: "q" });
    await ada.hears({ replyTo: "q", message: "bob is invited to #lab" });
    await bob.says({ type: "join", room: "#lab" });
    await bob.hears({ status: "joined", room: "#lab" });
    await ada.says({ type: "chat", to: "#lab", text: "inside" });
    await bob.hears({ type: "chat", text: "inside" });
  });

  it("tell a room's past as chats marked replay, behind the answer, to who does not join", async () => {
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    for (const text of ["1", "2", "3"]) await ada.says({ type: "chat", to: "#general", text });
    await bob.says({ type: "ask", kind: "room.history", data: { room: "#general", count: 2 }, messageId: "q" });
    expect(bob.all()).toMatchObject([
      { type: "answer", kind: "room.history", data: { room: "#general", count: 2 } },
      { type: "chat", from: "ada", text: "2", intent: "inform", replay: true },
      { type: "chat", text: "3", replay: true },
    ]);
    world.expectSound();
  });

  it("cost nothing of what pays for chats, and chats nothing of what pays for questions", async () => {
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    for (let n = 0; n < 50; n += 1) await ada.says({ type: "ask", kind: "ping" });
    expect(ada.all().every(({ type }) => type === "answer")).toBe(true);
    for (let n = 0; n < world.limits.brokerRateBurst; n += 1) await ada.says({ type: "ask", kind: "ping" });
    expect(ada.all().at(-1)).toMatchObject({ type: "error", code: "RATE_LIMIT", retryAfter: 20 });
    await ada.says({ type: "chat", to: "bob", text: "hello" });
    await bob.hears({ type: "chat", text: "hello" });
  });

  it("may wait for their answer while the rest goes on, and end with the session", async () => {
    const ada = await enter("ada");
    await ada.says({ type: "ask", kind: "test.wait", data: { wait_ms: 30_000 }, messageId: "w1" });
    await ada.says({ type: "ask", kind: "test.wait", data: { wait_ms: 30_000 }, messageId: "w2" });
    await ada.says({ type: "join", room: "#general" });
    expect(ada.all()).toMatchObject([
      { type: "error", code: "room_full", messageId: "w2" },
      { status: "joined", room: "#general" },
    ]);
    waiting.gives("mail");
    await ada.hears({ type: "answer", message: "mail", replyTo: "w1" });
    await ada.says({ type: "ask", kind: "test.wait", data: { wait_ms: 30_000 }, messageId: "w3" });
    await ada.vanishes();
    expect(waiting.untils.at(-1)?.aborted).toBe(true);
    world.expectSound();
  });

  it("are refused before the login, and close like everything else there", async () => {
    const stranger = world.connect("/pan");
    await stranger.says({ type: "ask", kind: "ping", messageId: "q" });
    await stranger.hears({ type: "error", code: "AUTH_FAILED" });
    expect(stranger.closing?.code).toBe(1008);
  });

  it("of 64 KiB are read, and of more are refused by their id", async () => {
    const ada = await enter("ada");
    const frame = (bytes: number): string => {
      const text = JSON.stringify({ type: "ask", kind: "ping", data: { x: "" }, messageId: "big" });
      return text.replace('"x":""', `"x":"${"x".repeat(bytes - text.length)}"`);
    };
    await ada.says(frame(65_536));
    await ada.hears({ type: "answer", replyTo: "big" });
    ada.connection.receiver?.oversized?.(frame(65_537));
    await ada.hears({ type: "error", code: "INVALID_FORMAT", messageId: "big" });
  });
});
