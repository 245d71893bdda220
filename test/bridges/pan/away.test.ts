import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PanWire, panToken, type PanFrame } from "../../kit/pan-wire.js";
import { PlainAgent, type WireMessage } from "../../kit/plain-agent.js";
import { issueToken } from "../../kit/tokens.js";

describe("the rooms of a PAN bot whose mailbox says rooms: true (PAN §14.6)", () => {
  let test: TestBroker;
  let watcher: PanWire;
  const ends: (() => unknown)[] = [];
  const tokens = new Map<string, string>();

  beforeEach(async () => {
    tokens.clear();
    test = await startBroker({
      rooms: [{ name: "#log", durable: true }],
      mailboxes: [{ agent: "configured", rooms: true }],
      limits: { panRatePerSecond: 100_000, panRateBurst: 100_000 },
    });
    ends.push(() => test.stop());
    watcher = await PanWire.login(test.pan, "watcher", panToken(test.dataDir));
    ends.push(() => {
      watcher.close();
    });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const rooms = { rooms: true };
  /** Logs in with a token of its own. @returns the bot, and the welcome */
  const login = async (agentId: string, mailbox?: unknown): Promise<{ bot: PanWire; welcome: PanFrame }> => {
    const token = tokens.get(agentId) ?? (await issueToken(test.dataDir, agentId, "ws"));
    tokens.set(agentId, token);
    const bot = await PanWire.open(test.pan);
    ends.push(() => {
      bot.close();
    });
    bot.say({ type: "auth", agentId, token, ...(mailbox !== undefined && { mailbox }) });
    const welcome = await bot.hears(({ status }) => status === "success");
    if (mailbox !== undefined) await bot.hears(({ kind }) => kind === "mailbox.open");
    return { bot, welcome };
  };
  const joins = async (bot: PanWire, room: string, more: object = {}): Promise<PanFrame> => {
    bot.say({ type: "join", room, ...more });
    return bot.hears(({ status }) => status === "joined");
  };
  const gone = async (bot: PanWire): Promise<void> => {
    const { ws } = test.broker.status().connections;
    bot.close();
    await eventually(() => test.broker.status().connections.ws < ws, "the broker knows that it has gone");
  };
  const asks = async (bot: PanWire, kind: string, data: object): Promise<PanFrame> => {
    bot.say({ type: "ask", kind, data, messageId: kind });
    return bot.hears((frame) => frame["replyTo"] === kind || frame["messageId"] === kind);
  };
  /** Resolves when so many messages of #log are on disk. */
  const remembers = (count: number): Promise<void> =>
    eventually(async () => {
      const { data } = (await asks(watcher, "room.history", { room: "#log", count: 0 })) as {
        data?: { next: { seq: number } };
      };
      return data?.next.seq === count;
    }, "the room remembers it");
  const chats = ({ frames }: PanWire): string[] =>
    frames.filter(({ type }) => type === "chat").map(({ text }) => String(text));

  it("are heard at once after a login, and told with it; others hear of no coming and going", async () => {
    await joins(watcher, "#lab");
    const { bot, welcome } = await login("trader", rooms);
    expect(welcome).not.toHaveProperty("rooms");
    await joins(bot, "#lab");
    await watcher.hears(({ status }) => status === "agent_joined");
    await gone(bot);
    expect((await asks(watcher, "room.members", { room: "#lab" }))["data"]).toEqual({
      room: "#lab",
      members: ["trader", "watcher"],
      away: ["trader"],
    });
    const { data } = (await asks(watcher, "rooms.list", {})) as { data?: { rooms: { name: string }[] } };
    expect(data?.rooms.find(({ name }) => name === "#lab")).toMatchObject({ members: 2, away: 1 });
    const again = await login("trader");
    expect(again.welcome).toMatchObject({ message: "Welcome to PAN v1.0", rooms: ["#lab"] });
    watcher.say({ type: "chat", to: "#lab", text: "welcome back" });
    expect(await again.bot.hears("chat")).toMatchObject({ to: "#lab", text: "welcome back" });
    again.bot.say({ type: "chat", to: "#lab", text: "thank you" });
    expect(await watcher.hears("chat")).toMatchObject({ from: "trader", text: "thank you" });
    await watcher.settled();
    expect(watcher.frames.filter(({ type }) => type === "system")).toEqual([]);
    again.bot.say({ type: "leave", room: "#lab" });
    await again.bot.hears(({ status }) => status === "left");
    expect(await watcher.hears(({ status }) => status === "agent_left")).toMatchObject({ agentId: "trader" });
    await gone(again.bot);
    expect((await login("trader")).welcome).not.toHaveProperty("rooms");
  });

  it("end with rooms: false and with the mailbox, and then others hear that it has left", async () => {
    await joins(watcher, "#lab");
    for (const ends of [
      { kind: "mailbox.open", data: rooms },
      { kind: "mailbox.close", data: {} },
    ]) {
      const { bot } = await login("trader", rooms);
      await joins(bot, "#lab");
      if (ends.kind === "mailbox.close") await asks(bot, "mailbox.close", {});
      else await asks(bot, "mailbox.open", { rooms: false });
      expect((await asks(bot, "mailbox.status", {}))["type"]).toBe(ends.kind === "mailbox.close" ? "error" : "answer");
      await gone(bot);
      expect(await watcher.hears(({ status }) => status === "agent_left")).toMatchObject({ agentId: "trader" });
    }
  });

  it("end when the operator closes the mailbox of one who is away", async () => {
    await joins(watcher, "#lab");
    const { bot } = await login("trader", rooms);
    await joins(bot, "#lab");
    await gone(bot);
    const operator = await PanWire.open(test.pan);
    ends.push(() => {
      operator.close();
    });
    const token = await issueToken(test.dataDir, "boss", "ws", { scopes: ["operate"] });
    operator.say({ type: "auth", agentId: "boss", token });
    await operator.hears(({ status }) => status === "success");
    expect((await asks(operator, "mailbox.status", { agent: "trader" }))["data"]).toMatchObject({ rooms: true });
    await asks(operator, "mailbox.close", { agent: "trader" });
    expect(await watcher.hears(({ status }) => status === "agent_left")).toMatchObject({ agentId: "trader" });
  });

  it("are not inherited by a session of the name that proves nothing of its own", async () => {
    const { bot } = await login("trader", rooms);
    await joins(bot, "#lab");
    await gone(bot);
    const weaker = await PanWire.open(test.pan);
    ends.push(() => {
      weaker.close();
    });
    weaker.say({ type: "auth", agentId: "trader", token: panToken(test.dataDir), mailbox: rooms });
    expect(await weaker.hears("error")).toMatchObject({ code: "AGENT_ID_IN_USE" });
  });

  it("pass to the newer of two sessions of one name", async () => {
    await joins(watcher, "#lab");
    const first = await login("trader", rooms);
    await joins(first.bot, "#lab");
    const second = await login("trader");
    expect((await first.bot.closed).code).toBe(4409);
    expect(second.welcome).toMatchObject({ rooms: ["#lab"] });
    watcher.say({ type: "chat", to: "#lab", text: "to one" });
    await second.bot.hears("chat");
    await watcher.settled();
    expect(watcher.frames.filter(({ status }) => status === "agent_left")).toEqual([]);
  });

  it("that remember tell what was missed by join {after}, once each, whatever was heard since the login", async () => {
    const first = await login("trader", rooms);
    await joins(first.bot, "#log");
    for (const text of ["1", "2"]) watcher.say({ type: "chat", to: "#log", text });
    await eventually(() => chats(first.bot).length === 2, "it hears what is said");
    // What it has heard is noted as soon as it has given a sign.
    await eventually(async () => {
      const { data } = (await asks(first.bot, "room.history", { room: "#log", after: "last" })) as {
        data?: { count: number };
      };
      return data?.count === 0;
    }, "what it has heard is known");
    await gone(first.bot);
    for (const text of ["3", "4", "5"]) watcher.say({ type: "chat", to: "#log", text });
    await remembers(5);
    const { bot, welcome } = await login("trader");
    expect(welcome).toMatchObject({ rooms: ["#log"] });
    for (const text of ["6", "7"]) watcher.say({ type: "chat", to: "#log", text });
    await eventually(() => chats(bot).length === 2, "it hears what is said now");
    const joined = await joins(bot, "#log", { after: "last" });
    expect(joined).toMatchObject({ next: { seq: 7 } });
    watcher.say({ type: "chat", to: "#log", text: "8" });
    await eventually(() => chats(bot).includes("8"), "it goes on");
    expect(chats(bot)).toEqual(["6", "7", "3", "4", "5", "8"]);
    expect(bot.frames.filter(({ replay }) => replay === true).map(({ text }) => text)).toEqual(["3", "4", "5"]);
    // And that is noted, too: nothing comes again after the next absence.
    await eventually(async () => {
      const { data } = (await asks(bot, "room.history", { room: "#log", after: "last" })) as {
        data?: { count: number };
      };
      return data?.count === 0;
    }, "all of it is known to be heard");
    await gone(bot);
    const third = await login("trader");
    expect(await joins(third.bot, "#log", { after: "last" })).toMatchObject({ next: { seq: 8 } });
    await third.bot.settled();
    expect(chats(third.bot)).toEqual([]);
  });

  it("that remember much tell it page by page beside what is said now, by a cursor of its own", async () => {
    const first = await login("trader", rooms);
    const joined = await joins(first.bot, "#log");
    await gone(first.bot);
    for (let n = 1; n <= 350; n += 1) watcher.say({ type: "chat", to: "#log", text: String(n) });
    await remembers(350);
    const { bot } = await login("trader");
    const talking = (async () => {
      for (let n = 351; n <= 500; n += 1) {
        watcher.say({ type: "chat", to: "#log", text: String(n) });
        if (n % 10 === 0) await watcher.settled();
      }
    })();
    await eventually(() => chats(bot).length >= 20, "it hears what is said now");
    await joins(bot, "#log", { after: joined["next"] });
    await talking;
    await eventually(() => chats(bot).length >= 500, "all is heard");
    await bot.settled();
    const all = Array.from({ length: 500 }, (_, at) => String(at + 1));
    expect([...chats(bot)].sort((one, other) => Number(one) - Number(other))).toEqual(all);
    const replayed = bot.frames.filter(({ replay }) => replay === true).map(({ text }) => Number(text));
    expect(replayed).toEqual(replayed.map((_, at) => at + 1));
  });

  it("are nothing that a ZeroMQ agent opens for itself: the subscription is its membership", async () => {
    const agent = new PlainAgent("wire", test);
    ends.push(() => {
      agent.close();
    });
    await agent.meet();
    const refused: WireMessage = await agent.asks("mailbox.open", rooms);
    expect(refused.content).toMatchObject({ kind: "fault", data: { code: "unsupported" } });
    expect(refused.content.message).toContain("subscribe to your rooms again");
    expect((await agent.asks("mailbox.open", { rooms: false })).content).toMatchObject({ data: { rooms: false } });
  });

  it("are those of a bot whose mailbox the configuration opens", async () => {
    const { bot } = await login("configured");
    expect((await asks(bot, "mailbox.status", {}))["data"]).toMatchObject({ rooms: true });
    await joins(bot, "#lab");
    await gone(bot);
    expect((await asks(watcher, "room.members", { room: "#lab" }))["data"]).toMatchObject({ away: ["configured"] });
    expect((await login("configured")).welcome).toMatchObject({ rooms: ["#lab"] });
  });

  it("outlive a hundred logins in a row without a word to others", async () => {
    await joins(watcher, "#lab");
    const { bot } = await login("trader", rooms);
    await joins(bot, "#lab");
    await watcher.hears(({ status }) => status === "agent_joined");
    await gone(bot);
    for (let round = 0; round < 100; round += 1) {
      const again = await login("trader");
      expect(again.welcome).toMatchObject({ rooms: ["#lab"] });
      again.bot.close();
    }
    await watcher.settled();
    expect(watcher.frames).toEqual([]);
  });
});
