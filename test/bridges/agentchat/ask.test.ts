import { describe, expect, it } from "vitest";
import { events } from "../../../bridges/agentchat/events.js";
import { AgentChatWorld } from "../../kit/agentchat-world.js";

describe("questions to the server (AgentChat §13)", () => {
  it("are answered in AgentChat's words, with the id of the question; names in data have no @", async () => {
    const world = new AgentChatWorld();
    const [ada, bob] = [await world.proved("ada"), await world.ephemeral("bob")];
    await ada.client.says({ type: "ASK", kind: "room.create", data: { room: "#lab" }, msg_id: "q1" });
    const answer = await ada.client.hears({ type: "ANSWER", ref: "q1" });
    expect(answer).toMatchObject({
      kind: "room.create",
      message: "you made #lab",
      data: { room: "#lab", invite_only: false },
      ts: world.clock.now(),
    });
    expect(events.ANSWER.strict().safeParse(answer).error).toBeUndefined();
    await bob.client.says({ type: "ASK", kind: "room.join", data: { room: "#lab" } });
    const joined = await bob.client.hears({ type: "ANSWER", kind: "room.join" });
    expect(joined["data"]).toMatchObject({ members: [bob.id, ada.id].map((id) => id.slice(1)).sort() });
    expect(joined["ref"]).toBeUndefined();
    await ada.client.hears({ type: "AGENT_JOINED", channel: "#lab", agent: bob.id });
    await ada.client.says({ type: "MSG", to: "#lab", content: "welcome" });
    await bob.client.hears({ type: "MSG", content: "welcome" });
    world.expectSound();
  });

  it("are refused by the codes of the commands that do the same, with the id of the question, else the type", async () => {
    const world = new AgentChatWorld();
    const ada = await world.ephemeral("ada");
    for (const [ref, kind, data, code] of [
      ["q1", "dance", undefined, "INVALID_MSG"],
      ["q2", "constructor", undefined, "INVALID_MSG"],
      ["q3", "room.join", { room: "#nowhere" }, "CHANNEL_NOT_FOUND"],
      ["q4", "room.history", { room: "#nowhere" }, "CHANNEL_NOT_FOUND"],
      ["q5", "room.create", { room: "#general" }, "CHANNEL_EXISTS"],
      ["q6", "room.create", { room: "#x", invite_only: "yes" }, "INVALID_MSG"],
      ["q7", "broker.status", undefined, "NOT_INVITED"],
      ["q9", "mailbox.status", undefined, "AGENT_NOT_FOUND"],
      ["q10", "mailbox.open", undefined, "NOT_INVITED"],
    ] as const) {
      await ada.client.says({ type: "ASK", kind, ...(data && { data }), msg_id: ref });
      await ada.client.hears({ type: "ERROR", code, ref });
    }
    await ada.client.says({ type: "ASK", kind: "room.join", data: { room: "#general" } });
    await ada.client.says({
      type: "ASK",
      kind: "room.invite",
      data: { room: "#general", agent: "ghost" },
      msg_id: "q8",
    });
    await ada.client.hears({ type: "ERROR", code: "AGENT_NOT_FOUND", ref: "q8" });
    await ada.client.says({ type: "ASK", kind: "dance" });
    await ada.client.hears({ type: "ERROR", code: "INVALID_MSG", ref: "ASK" });
    expect(ada.client.closing).toBeUndefined();
  });

  it("tell a channel's past as replayed messages behind the answer, and join no channel that is not there", async () => {
    const world = new AgentChatWorld();
    const [ada, bob] = [await world.ephemeral("ada"), await world.ephemeral("bob")];
    for (const content of ["1", "2", "3"]) await ada.client.says({ type: "MSG", to: "#general", content });
    await bob.client.says({ type: "ASK", kind: "room.join", data: { room: "#general", history: 2 }, msg_id: "q" });
    await ada.client.says({ type: "MSG", to: "#general", content: "4" });
    expect(bob.client.all()).toMatchObject([
      { type: "ANSWER", kind: "room.join", ref: "q" },
      { type: "MSG", content: "2", replay: true },
      { type: "MSG", content: "3", replay: true },
      { type: "MSG", content: "4" },
    ]);
    await bob.client.says({ type: "ASK", kind: "room.join", data: { room: "#new" }, msg_id: "q2" });
    await bob.client.hears({ type: "ERROR", code: "CHANNEL_NOT_FOUND", ref: "q2" });
    expect(world.directory.rooms(undefined).map(({ name }) => name)).not.toContain("#new");
  });

  it("cost nothing of a session's messages; before IDENTIFY they are refused, and the connection lives", async () => {
    const world = new AgentChatWorld({ limits: { agentchatRatePerSecond: 1, agentchatBurst: 1 } });
    const ada = await world.ephemeral("ada");
    for (let n = 0; n < 20; n += 1) await ada.client.says({ type: "ASK", kind: "ping", msg_id: String(n) });
    expect(ada.client.all().map(({ type }) => type)).toEqual(Array.from({ length: 20 }, () => "ANSWER"));
    const stranger = world.connect("/agentchat");
    await stranger.says({ type: "ASK", kind: "ping", msg_id: "q" });
    await stranger.hears({ type: "ERROR", code: "AUTH_REQUIRED", ref: "q" });
    expect(stranger.closing).toBeUndefined();
  });
});
