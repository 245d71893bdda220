import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";
import { PanWire, panToken, type PanFrame } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";

const open: { close(): unknown }[] = [];
let at: TestBroker;
afterEach(async () => {
  for (const thing of open.splice(0)) thing.close();
  await at.stop();
});

const start = async (rooms: NonNullable<Parameters<typeof startBroker>[0]>["rooms"] = []): Promise<void> => {
  at = await startBroker({ rooms, limits: { panRatePerSecond: 100_000, panRateBurst: 100_000 } });
};

/** A PAN bot with a token of its own, or with that of all. */
async function pan(name: string, own = false): Promise<PanWire> {
  const token = own ? await issueToken(at.dataDir, name, "ws") : panToken(at.dataDir);
  const wire = await PanWire.login(at.pan, name, token);
  open.push({
    close: () => {
      wire.socket.terminate();
    },
  });
  return wire;
}

async function plain(name: string, topics: string[] = [name], own = false): Promise<PlainAgent> {
  const token = own ? { token: await issueToken(at.dataDir, name, "zmq") } : {};
  const agent = await new PlainAgent(name, at, { topics, ...token }).meet();
  open.push(agent);
  return agent;
}

const isChat = ({ type }: PanFrame): boolean => type === "chat";
const isJoined = ({ status }: PanFrame): boolean => status === "joined";
/** What was heard so far of a room, and is taken from what waits to be read. */
const seqs = (wire: PanWire): number[] => wire.frames.filter(isChat).map(({ room_seq }) => Number(room_seq));
const ask = async (agent: PlainAgent, kind: string, data: object) => {
  const { message_id: id } = await agent.send("$broker", "request", "", { content: { message: "", kind, data } });
  return (await agent.hears(({ message }) => message.in_reply_to === id)).message.content as Record<string, unknown>;
};

describe("a room that remembers, over real sockets", () => {
  it("is heard in one order and by one place in every dialect, and every sum is right", async () => {
    await start(["#lab", { name: "#log", durable: { max: 1_000 } }]);
    const [ada, eve] = [await pan("ada"), await pan("eve")];
    const bob = await plain("bob", ["bob", "#log"]);
    const chat = await ChatWire.enter(at.pan.replace(/pan$/, "agentchat"), "chatter");
    open.push({
      close: () => {
        chat.socket.terminate();
      },
    });
    chat.say({ type: "JOIN", channel: "#log" });
    await chat.hears(({ type }) => type === "JOINED");
    for (const wire of [ada, eve]) {
      wire.say({ type: "join", room: "#log" });
      expect(await wire.hears(isJoined)).toMatchObject({ room: "#log", next: { seq: 0 } });
    }
    await eventually(() => at.broker.status().ledger.copies.pending === 0, "everything is told");
    for (let n = 0; n < 200; n += 1) {
      ada.say({ type: "chat", to: "#log", text: `ada ${String(n)}` });
      await bob.send("#log", "inform", `bob ${String(n)}`);
    }
    await eventually(() => seqs(eve).length === 400, "all is heard");
    const heard = eve.frames.filter(isChat).map(({ room_seq, text, epoch }) => ({ room_seq, text, epoch }));
    expect(heard.map(({ room_seq }) => room_seq)).toEqual(heard.map((_, index) => index + 1));
    for (const who of ["ada", "bob"]) {
      const own = heard.map(({ text }) => String(text)).filter((text) => text.startsWith(who));
      expect(own).toEqual(own.map((_, index) => `${who} ${String(index)}`));
    }
    await eventually(() => bob.heard.filter(({ topic }) => topic === "#log").length === 400, "ZeroMQ hears all");
    const overZmq = bob.heard
      .filter(({ topic }) => topic === "#log")
      .map(({ message }) => ({
        ...(message["$broker"] as { room_seq: number; epoch: string }),
        text: message.content.message,
      }));
    expect(overZmq).toEqual(heard);
    await eventually(() => chat.frames.filter(({ type }) => type === "MSG").length === 400, "AgentChat hears all");
    expect(
      chat.frames
        .filter(({ type }) => type === "MSG")
        .map(({ room_seq, content, epoch }) => ({ room_seq, text: content, epoch })),
    ).toEqual(heard);
    chat.frames.length = 0;
    const epoch = String(heard[0]?.epoch);
    chat.say({ type: "JOIN", channel: "#log", after: { epoch, seq: 398 } });
    expect(await chat.hears(({ type }) => type === "JOINED")).toMatchObject({ next: { epoch, seq: 400 } });
    expect(await chat.hears(({ type }) => type === "MSG")).toMatchObject({ room_seq: 399, epoch, replay: true });
    expect(await chat.hears(({ type }) => type === "MSG")).toMatchObject({ room_seq: 400, epoch, replay: true });
    chat.say({ type: "JOIN", channel: "#log", after: "last" });
    expect(await chat.hears(({ type }) => type === "ERROR")).toMatchObject({ code: "NOT_INVITED", ref: "JOIN" });
    chat.say({ type: "JOIN", channel: "#lab", after: { epoch, seq: 1 } });
    const joined = await chat.hears(({ type }) => type === "JOINED");
    expect(joined).toMatchObject({ channel: "#lab", gap: true });
    expect(joined).not.toHaveProperty("next");
    const { messages } = at.broker.status().ledger;
    expect(messages.stored).toBe(400);
    expect(messages.accepted).toBe(
      messages.routed + messages.stored + messages.refused + messages.unroutable + messages.malformed,
    );
  });

  it("tells who comes back what it has missed, while others go on talking: none twice, none missing", async () => {
    await start([{ name: "#log", durable: true }]);
    const [ada, bob] = [await pan("ada"), await pan("bob")];
    const text = "x".repeat(900);
    let said = 0;
    const say = (count: number): void => {
      for (let n = 0; n < count; n += 1) {
        said += 1;
        (n % 2 === 0 ? ada : bob).say({ type: "chat", to: "#log", text: `${String(said)} ${text}` });
      }
    };
    const first = await pan("reader");
    first.say({ type: "join", room: "#log", after: "last" });
    await first.hears(isJoined);
    say(5);
    await eventually(() => seqs(first).length === 5, "the first five");
    await eventually(() => at.broker.status().ledger.messages.stored === 5, "they are kept");
    // The sign that they were read comes a moment later.
    await eventually(async () => {
      first.say({ type: "ask", kind: "room.history", data: { room: "#log", after: "last" } });
      return ((await first.hears("answer"))["data"] as { count: number }).count === 0;
    }, "they are handed over");
    first.socket.terminate();
    await once(first.socket, "close");
    say(3_000);
    const again = await pan("reader");
    const talking = setInterval(() => {
      say(20);
    }, 2);
    again.say({ type: "join", room: "#log", after: "last" });
    expect(await again.hears(isJoined)).not.toHaveProperty("gap");
    await eventually(
      () => again.frames.some((frame) => isChat(frame) && frame["replay"] !== true),
      "live begins",
      30_000,
    );
    clearInterval(talking);
    await eventually(() => at.broker.status().ledger.messages.stored === said, "all is kept", 30_000);
    await eventually(() => seqs(again).at(-1) === said, "all is heard", 30_000);
    expect(seqs(again)).toEqual(Array.from({ length: said - 5 }, (_, index) => index + 6));
    const replays = again.frames.filter(isChat).map(({ replay }) => replay === true);
    expect(replays).toEqual([...replays].sort((one, other) => Number(other) - Number(one)));
  });

  it("is made, read page by page, changed and ended at the desk, by who may", async () => {
    await start();
    const ada = await plain("ada", ["ada", "#log"], true);
    expect(await ask(ada, "room.create", { room: "#other", durable: {} })).toMatchObject({
      data: { room: "#other", durable: true },
    });
    expect(await ask(ada, "room.keep", { room: "#log", durable: { max: 50 } })).toMatchObject({
      data: { room: "#log", durable: { max: 50, keep_s: 604_800 } },
    });
    for (let n = 1; n <= 60; n += 1) await ada.send("#log", "inform", String(n));
    await eventually(() => ada.heard.filter(({ topic }) => topic === "#log").length === 60, "its own messages");
    const read = async (more: object) => {
      ada.heard.length = 0;
      const { data } = (await ask(ada, "room.history", { room: "#log", ...more })) as {
        data: { count: number; next: { epoch: string; seq: number }; gap?: true; more?: true };
      };
      await eventually(() => ada.heard.length === data.count, "the past follows");
      return { ...data, texts: ada.heard.map(({ message }) => Number(message.content.message)) };
    };
    const one = await read({ after: { epoch: "unknown", seq: 7 }, max: 20 });
    expect(one).toMatchObject({ count: 20, gap: true, more: true, next: { seq: 30 } });
    expect(one.texts).toEqual(Array.from({ length: 20 }, (_, index) => index + 11));
    const two = await read({ after: one.next, max: 1_000 });
    expect(two).toMatchObject({ count: 30, next: { seq: 60 } });
    expect(two).not.toHaveProperty("gap");
    expect((await read({ count: 2 })).texts).toEqual([59, 60]);
    // What was heard live is proved to have been read a moment later.
    await eventually(async () => (await read({ after: "last" })).count === 0, "all is handed over");
    const eve = await plain("eve");
    expect(await ask(eve, "room.keep", { room: "#log", durable: false })).toMatchObject({
      data: { code: "forbidden" },
    });
    expect(await ask(eve, "room.history", { room: "#log", after: "last" })).toMatchObject({
      data: { code: "forbidden" },
    });
    expect(await ask(eve, "room.create", { room: "#hers", durable: {} })).toMatchObject({
      data: { code: "forbidden" },
    });
    expect(await ask(ada, "room.keep", { room: "#log", durable: { max: 2, keep_s: 60 } })).toMatchObject({
      data: { durable: { max: 2, keep_s: 60, max_bytes: 64 * 1024 * 1024 } },
    });
    expect((await read({})).texts).toEqual([59, 60]);
    expect(await ask(ada, "room.keep", { room: "#log", durable: false })).toMatchObject({ data: { durable: false } });
    expect(await read({})).toMatchObject({ count: 0 });
  });
});
