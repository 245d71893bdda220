import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyFor, type TestKey } from "../../kit/agentchat-keys.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { ChatWire, type ChatFrame } from "../../kit/chat-wire.js";

describe("the channels of an AgentChat agent whose mailbox says rooms: true (AgentChat §14.6)", () => {
  let test: TestBroker;
  let url: string;
  let watcher: ChatWire;
  const ends: (() => unknown)[] = [];

  beforeEach(async () => {
    test = await startBroker({
      limits: { agentchatRatePerSecond: 0 },
      rooms: ["#lab", { name: "#log", durable: true }],
    });
    ends.push(() => test.stop());
    url = test.pan.replace("/pan", "/agentchat");
    watcher = await ChatWire.enter(url, "watcher");
    ends.push(() => {
      watcher.close();
    });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const is =
    (...types: string[]) =>
    ({ type }: ChatFrame): boolean =>
      types.includes(type);
  const bob = keyFor("bob");
  const bobId = `@${bob.id}`;
  /** Identifies and proves its key. @returns the agent, and what it is told then */
  const enter = async (mailbox?: unknown, by: TestKey = bob): Promise<{ chat: ChatWire; success: ChatFrame }> => {
    const chat = await ChatWire.open(url);
    ends.push(() => {
      chat.close();
    });
    chat.say({ type: "IDENTIFY", name: "bob", pubkey: by.pem, ...(mailbox !== undefined && { mailbox }) });
    const { challenge_id, nonce } = await chat.hears(is("CHALLENGE"));
    const timestamp = Date.now();
    const signature = by.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${String(timestamp)}`);
    chat.say({ type: "VERIFY_IDENTITY", challenge_id, signature, timestamp });
    return { chat, success: await chat.hears(is("VERIFY_SUCCESS")) };
  };
  const joins = async (chat: ChatWire, channel: string, more: object = {}): Promise<ChatFrame> => {
    chat.say({ type: "JOIN", channel, ...more });
    return chat.hears(is("JOINED"));
  };
  const gone = async (chat: ChatWire): Promise<void> => {
    const { ws } = test.broker.status().connections;
    chat.close();
    await eventually(() => test.broker.status().connections.ws < ws, "the broker knows that it has gone");
  };
  const texts = ({ frames }: ChatWire): string[] => frames.filter(is("MSG")).map(({ content }) => String(content));
  const rooms = { rooms: true };

  it("list it as away, and are told with VERIFY_SUCCESS when it is back; others hear of nothing", async () => {
    await joins(watcher, "#lab");
    const { chat, success } = await enter(rooms);
    expect(success).not.toHaveProperty("channels");
    await joins(chat, "#lab");
    await watcher.hears(is("AGENT_JOINED"));
    await gone(chat);
    watcher.say({ type: "LIST_AGENTS", channel: "#lab" });
    const { list, away, names } = await watcher.hears(is("AGENTS"));
    expect(list).toEqual([watcher.id, bobId].sort());
    expect(away).toEqual([bobId]);
    expect(names).toMatchObject({ [bobId]: "bob" });
    watcher.say({ type: "LIST_CHANNELS" });
    const channels = (await watcher.hears(is("CHANNELS")))["list"] as { name: string }[];
    expect(channels.find(({ name }) => name === "#lab")).toEqual({ name: "#lab", agents: 2, away: 1 });
    expect(channels.find(({ name }) => name === "#log")).toEqual({ name: "#log", agents: 0 });
    const again = await enter();
    expect(again.success).toMatchObject({ agent_id: bobId, channels: ["#lab"] });
    watcher.say({ type: "MSG", to: "#lab", content: "welcome back" });
    await again.chat.text("welcome back");
    again.chat.say({ type: "MSG", to: "#lab", content: "thank you" });
    await watcher.text("thank you");
    await watcher.settled();
    expect(watcher.frames.filter(is("AGENT_JOINED", "AGENT_LEFT"))).toEqual([]);
    expect(await joins(again.chat, "#lab")).not.toHaveProperty("away");
  });

  it("are left by LEAVE, and by the end of the mailbox, with AGENT_LEFT", async () => {
    await joins(watcher, "#lab");
    const { chat } = await enter(rooms);
    await joins(chat, "#lab");
    chat.say({ type: "LEAVE", channel: "#lab" });
    await chat.hears(is("LEFT"));
    expect(await watcher.hears(is("AGENT_LEFT"))).toMatchObject({ agent: bobId });
    await joins(chat, "#lab");
    await gone(chat);
    const again = await enter();
    again.chat.say({ type: "ASK", kind: "mailbox.close", msg_id: "m1" });
    await again.chat.hears(({ ref }) => ref === "m1");
    await gone(again.chat);
    expect(await watcher.hears(is("AGENT_LEFT"))).toMatchObject({ agent: bobId });
    expect((await enter()).success).not.toHaveProperty("channels");
  });

  it("keep those that an invite-only one lets in for this very key, and let in nobody else meanwhile", async () => {
    const { chat } = await enter(rooms);
    chat.say({ type: "CREATE_CHANNEL", channel: "#secret", invite_only: true });
    await chat.hears(is("JOINED"));
    await gone(chat);
    watcher.say({ type: "JOIN", channel: "#secret" });
    expect(await watcher.hears(is("ERROR"))).toMatchObject({ code: "NOT_INVITED" });
    const again = await enter();
    expect(again.success).toMatchObject({ channels: ["#secret"] });
    again.chat.say({ type: "MSG", to: "#secret", content: "alone here" });
    await again.chat.text("alone here");
  });

  it("that remember tell by JOIN {after} what was missed, once each", async () => {
    const { chat } = await enter(rooms);
    const { next } = await joins(chat, "#log");
    await gone(chat);
    const remembered = (): Promise<ChatFrame> => {
      watcher.say({ type: "ASK", kind: "room.history", data: { room: "#log", count: 0 }, msg_id: "h" });
      return watcher.hears(({ ref }) => ref === "h");
    };
    for (const content of ["1", "2", "3"]) watcher.say({ type: "MSG", to: "#log", content });
    await eventually(async () => {
      const { data } = (await remembered()) as { data?: { next?: { seq: number } } };
      return data?.next?.seq === 3;
    }, "the channel remembers it");
    const again = await enter();
    watcher.say({ type: "MSG", to: "#log", content: "4" });
    await eventually(() => texts(again.chat).length === 1, "it hears what is said now");
    expect(await joins(again.chat, "#log", { after: next })).toMatchObject({ next: { seq: 4 } });
    await again.chat.settled();
    expect(texts(again.chat)).toEqual(["4", "1", "2", "3"]);
    expect(await joins(again.chat, "#log", { after: "last" })).toMatchObject({ next: { seq: 4 } });
  });

  it("are those, too, that it had joined before it proved its key", async () => {
    const chat = await ChatWire.open(url);
    ends.push(() => {
      chat.close();
    });
    chat.say({ type: "IDENTIFY", name: "bob", pubkey: bob.pem, mailbox: rooms });
    const { challenge_id, nonce } = await chat.hears(is("CHALLENGE"));
    await joins(chat, "#lab");
    const timestamp = Date.now();
    const signature = bob.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${String(timestamp)}`);
    chat.say({ type: "VERIFY_IDENTITY", challenge_id, signature, timestamp });
    expect(await chat.hears(is("VERIFY_SUCCESS"))).toMatchObject({ channels: ["#lab"] });
    await gone(chat);
    expect((await enter()).success).toMatchObject({ channels: ["#lab"] });
  });

  it("are nothing for a session that does not prove the key", async () => {
    const { chat } = await enter(rooms);
    await joins(chat, "#lab");
    await gone(chat);
    const stranger = await ChatWire.open(url);
    ends.push(() => {
      stranger.close();
    });
    stranger.say({ type: "IDENTIFY", name: "bob", pubkey: bob.pem });
    await stranger.hears(is("CHALLENGE"));
    stranger.say({ type: "JOIN", channel: "#log" });
    expect(await stranger.hears(is("ERROR"))).toMatchObject({ code: "AUTH_REQUIRED" });
    await watcher.settled();
    expect(stranger.frames.filter(is("WELCOME", "MSG"))).toEqual([]);
  });
});
