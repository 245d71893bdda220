import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";

describe("AgentChat, PAN and ZeroMQ on one broker", () => {
  let at: TestBroker;
  let ada: ChatWire;
  let bot: PanWire;
  let claude: PlainAgent;
  beforeEach(async () => {
    at = await startBroker({ limits: { agentchatRatePerSecond: 0 } });
    claude = await new PlainAgent("claude", at, { topics: ["claude", "#general"] }).meet();
    bot = await PanWire.login(at.pan, "bot", panToken(at.dataDir));
    ada = await ChatWire.enter(at.pan.replace("/pan", "/agentchat"), "ada");
  });
  afterEach(async () => {
    for (const client of [ada, bot, claude]) client.close();
    const { messages, copies } = at.broker.status().ledger;
    expect(messages.accepted).toBe(
      messages.routed + messages.stored + messages.refused + messages.unroutable + messages.malformed,
    );
    expect(copies.copies).toBe(
      copies.written +
        copies.dropped.full +
        copies.dropped.closed +
        copies.dropped.expired +
        copies.dropped.unrenderable +
        copies.pending,
    );
    await at.stop();
  });

  it("share a room: each hears the two others", async () => {
    bot.say({ type: "join", room: "#general" });
    await bot.hears(({ status }) => status === "joined");
    ada.say({ type: "JOIN", channel: "#general" });
    const joined = await ada.hears(({ type }) => type === "JOINED");
    expect(joined["agents"]).toEqual([ada.id, "@bot", "@claude"].sort());
    await bot.hears(({ status, agentId }) => status === "agent_joined" && agentId === ada.id.slice(1));
    ada.say({ type: "MSG", to: "#general", content: "from AgentChat" });
    expect(await bot.hears(({ text }) => text === "from AgentChat")).toMatchObject({
      from: ada.id.slice(1),
      fromName: "ada",
      to: "#general",
    });
    expect((await claude.hears(({ message }) => message.content.message === "from AgentChat")).message).toMatchObject({
      from: ada.id.slice(1),
      to: "#general",
      type: "inform",
    });
    bot.say({ type: "chat", to: "#general", text: "from PAN" });
    expect(await ada.text("from PAN")).toMatchObject({ from: "@bot", to: "#general" });
    await claude.send("#general", "inform", "from ZeroMQ");
    expect(await ada.text("from ZeroMQ")).toMatchObject({ from: "@claude", to: "#general" });
    bot.say({ type: "chat", to: "all", text: "to everybody" });
    expect(await ada.text("to everybody")).toMatchObject({ to: "#all" });
  });

  it("talk one to one, each way; what answers a request arrives as a response", async () => {
    ada.say({ type: "MSG", to: "@claude", content: "are you there?" });
    const { message: asked } = await claude.hears(({ message }) => message.type === "request");
    await claude.send(asked.from, "response", "I am", { in_reply_to: asked.message_id });
    expect(await ada.text("I am")).toMatchObject({ from: "@claude", to: ada.id, in_reply_to: asked.message_id });

    const request = await claude.send(ada.id.slice(1), "request", "and you?");
    await ada.text("and you?");
    ada.say({ type: "MSG", to: "@claude", content: "me too" });
    expect((await claude.hears(({ message }) => message.type === "response")).message).toMatchObject({
      in_reply_to: request.message_id,
      content: { message: "me too" },
    });

    ada.say({ type: "MSG", to: "@bot", content: "hello bot" });
    expect(await bot.hears(({ text }) => text === "hello bot")).toMatchObject({
      from: ada.id.slice(1),
      intent: "request",
    });
    bot.say({ type: "chat", to: ada.id.slice(1), text: "hello ada" });
    expect(await ada.text("hello ada")).toMatchObject({ from: "@bot", to: ada.id });
  });

  it("keep an invite-only channel against all", async () => {
    ada.say({ type: "CREATE_CHANNEL", channel: "#board", invite_only: true });
    await ada.hears(({ type, channel }) => type === "JOINED" && channel === "#board");
    bot.say({ type: "join", room: "#board" });
    expect(await bot.hears("error")).toMatchObject({ code: "NOT_INVITED" });
    const spy = await new PlainAgent("spy", at, { topics: ["spy", "#board", ""] }).meet();
    await spy.send("#board", "inform", "let me in");
    ada.say({ type: "MSG", to: "#board", content: "secret" });
    await ada.text("secret");
    ada.say({ type: "INVITE", channel: "#board", agent: "@bot" });
    await bot.hears(({ text }) => String(text).includes("#board"));
    bot.say({ type: "join", room: "#board" });
    await bot.hears(({ status, room }) => status === "joined" && room === "#board");
    bot.say({ type: "chat", to: "#board", text: "now I hear" });
    await ada.text("now I hear");
    await spy.settled();
    expect(spy.heard.filter(({ message }) => ["secret", "now I hear"].includes(message.content.message))).toEqual([]);
    expect(ada.frames.filter(({ content }) => content === "let me in")).toEqual([]);
    spy.close();
  });
});
