import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PanWire, panToken } from "../../kit/pan-wire.js";
import { PlainAgent } from "../../kit/plain-agent.js";
import { issueToken } from "../../kit/tokens.js";

const fault = ({ message }: { message: { content: Record<string, unknown> } }): boolean =>
  message.content["kind"] === "fault";

describe("rooms and the broker's desk, from ZeroMQ", () => {
  let at: TestBroker;
  let open: { close(): void }[];
  const keep = <T extends { close(): void }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  const proved = async (name: string, topics?: string[]): Promise<PlainAgent> =>
    keep(
      new PlainAgent(name, at, { token: await issueToken(at.dataDir, name), ...(topics !== undefined && { topics }) }),
    ).meet();

  beforeEach(async () => {
    open = [];
    at = await startBroker({ limits: { zmqNamingMs: 10 } });
  });
  afterEach(async () => {
    for (const thing of open) thing.close();
    await at.stop();
  });

  it("makes a member by subscription and by request, and ends it by both", async () => {
    const ada = await keep(new PlainAgent("ada", at, { topics: ["ada", "#lab"] })).meet();
    const members = async (): Promise<unknown> => (await ada.asks("room.members", { room: "#lab" })).content["data"];
    await eventually(
      async () => JSON.stringify(await members()) === '{"room":"#lab","members":["ada"]}',
      "ada is a member",
    );
    const bob = await keep(new PlainAgent("bob", at)).meet();
    expect((await bob.asks("room.join", { room: "#lab" })).content).toMatchObject({
      kind: "room.join",
      data: { room: "#lab", members: ["ada", "bob"] },
    });
    expect((await bob.asks("room.leave", { room: "#lab" })).content).toMatchObject({ data: { room: "#lab" } });
    ada.sub.unsubscribe("#lab");
    await eventually(async () => JSON.stringify(await members()) === '{"room":"#lab","members":[]}', "ada has left");
  });

  it("keeps an invite-only room from everybody who is not invited and proved", async () => {
    const owner = await proved("owner", ["owner", "#secret"]);
    const guest = await proved("guest");
    const stranger = await proved("stranger", ["stranger", "#secret"]);
    const claimed = await keep(new PlainAgent("claimed", at)).meet();
    const tap = await keep(new PlainAgent("tap", at, { topics: ["tap", ""] })).meet();
    owner.sub.unsubscribe("#secret");
    stranger.sub.unsubscribe("#secret");
    await eventually(async () => {
      const { data } = (await owner.asks("room.create", { room: "#inner", invite_only: true })).content;
      return (data as { invite_only?: boolean }).invite_only === true;
    }, "the room is made");
    owner.sub.subscribe("#inner");
    await owner.settled();
    expect((await owner.asks("room.invite", { room: "#inner", agent: "guest" })).content).toMatchObject({
      kind: "room.invite",
    });
    expect((await guest.hears(({ message }) => message.content["kind"] === "room.invited")).message.from).toBe(
      "$broker",
    );
    guest.sub.subscribe("#inner");
    await guest.asks("room.join", { room: "#inner" });
    claimed.sub.subscribe("#inner");
    stranger.sub.subscribe("#inner");
    await stranger.hears(fault);

    await owner.send("#inner", "inform", "a secret");
    expect((await guest.hears(({ topic }) => topic === "#inner")).message.content.message).toBe("a secret");
    for (const outsider of [stranger, claimed]) {
      const tried = await outsider.send("#inner", "request", "let me in");
      expect(
        (await outsider.hears(({ message }) => message.in_reply_to === tried.message_id)).message.content,
      ).toMatchObject({ kind: "fault" });
      expect((await outsider.asks("room.history", { room: "#inner" })).content).toMatchObject({
        kind: "fault",
        data: { code: "forbidden" },
      });
      const { data } = (await outsider.asks("rooms.list")).content;
      expect(JSON.stringify(data)).not.toContain("#inner");
      expect(outsider.heard.filter(({ topic }) => topic === "#inner")).toEqual([]);
    }
    expect((await claimed.asks("room.create", { room: "#mine", invite_only: true })).content).toMatchObject({
      kind: "fault",
      data: { code: "forbidden" },
    });
    await tap.settled();
    expect(tap.heard.filter(({ topic }) => topic === "#inner")).toEqual([]);
  });

  it("replays a public room's history only when asked, marked, on the asker's own topic", async () => {
    const ada = await keep(new PlainAgent("ada", at, { topics: ["ada", "#lab"] })).meet();
    for (const text of ["one", "two", "three"]) await ada.send("#lab", "inform", text);
    await ada.settled();
    const late = await keep(new PlainAgent("late", at, { topics: ["late", "#lab"] })).meet();
    await late.settled();
    expect(late.heard.filter(({ message }) => message.from === "ada")).toEqual([]);
    expect((await late.asks("room.history", { room: "#lab", count: 2 })).content).toMatchObject({
      data: { room: "#lab", count: 2 },
    });
    for (const text of ["two", "three"])
      expect(await late.hears(({ message }) => message.from === "ada")).toMatchObject({
        topic: "late",
        message: { to: "#lab", replay: true, content: { message: text } },
      });
    const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
    bot.say({ type: "join", room: "#lab", history: 1 });
    expect(await bot.hears((frame) => frame.type === "system" || frame.type === "chat")).toMatchObject({
      status: "joined",
    });
    expect(await bot.hears("chat")).toMatchObject({ text: "three", replay: true, to: "#lab" });
  });

  it.each([
    ["ping", undefined, { message: "pong", kind: "ping" }],
    ["agents.list", undefined, { kind: "agents.list" }],
    [
      "rooms.list",
      undefined,
      {
        kind: "rooms.list",
        data: {
          rooms: [
            { name: "#agents", members: 0, invite_only: false },
            { name: "#general", members: 0, invite_only: false },
          ],
        },
      },
    ],
    ["room.create", { room: "#new" }, { kind: "room.create", data: { room: "#new", invite_only: false } }],
    ["room.create", { room: "#general" }, { kind: "fault", data: { code: "conflict" } }],
    ["room.join", { room: "general" }, { kind: "fault", data: { code: "malformed" } }],
    ["room.join", {}, { kind: "fault", data: { code: "malformed" } }],
    ["room.invite", { room: "#general", agent: "ghost" }, { kind: "fault" }],
    ["room.members", { room: "#nowhere" }, { kind: "fault", data: { code: "not-found" } }],
    ["broker.status", undefined, { kind: "fault", data: { code: "forbidden" } }],
    ["constructor", undefined, { kind: "fault", data: { code: "unsupported" } }],
    ["", undefined, { kind: "fault", data: { code: "unsupported" } }],
  ])("answers %j %j", async (kind, data, expected) => {
    const ada = await keep(new PlainAgent("ada", at)).meet();
    const answer = await ada.asks(kind, data);
    expect(answer.from).toBe("$broker");
    expect(answer.content).toMatchObject(expected);
    expect(answer.content.message).not.toBe("");
  });

  it("bounds what one connection may ask", async () => {
    await at.stop();
    at = await startBroker({ limits: { brokerRatePerSecond: 1, brokerRateBurst: 40 } });
    const ada = await keep(new PlainAgent("ada", at)).meet();
    let told = false;
    void ada
      .hears(({ message }) => (message.content as { data?: { code?: string } }).data?.code === "rate-limited")
      .then(() => (told = true));
    for (let n = 0; n < 60; n += 1)
      await ada.send("$broker", "request", "ping", { content: { message: "ping", kind: "ping" } });
    await eventually(() => told, "it is told to slow down");
  });

  it("tells on $events who comes and goes, in rooms, too", async () => {
    const watcher = await keep(new PlainAgent("watcher", at, { topics: ["watcher", "$events"] })).meet();
    const event = (kind: string, agent: string) =>
      watcher.hears(
        ({ topic, message }) =>
          topic === "$events" &&
          message.content["kind"] === kind &&
          JSON.stringify(message.content["data"]).includes(`"${agent}"`),
      );
    const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
    expect((await event("agent.online", "bot")).message).toMatchObject({ from: "$broker", type: "inform" });
    bot.say({ type: "join", room: "#fresh" });
    await event("room.created", "#fresh");
    await event("room.joined", "bot");
    bot.say({ type: "leave", room: "#fresh" });
    await event("room.left", "bot");
    bot.close();
    await event("agent.offline", "bot");
  });
});
