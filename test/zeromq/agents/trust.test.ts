import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PanWire } from "../../kit/pan-wire.js";
import { PlainAgent } from "../../kit/plain-agent.js";
import { issueToken } from "../../kit/tokens.js";

describe("who may speak and hear as whom", () => {
  let at: TestBroker;
  let open: { close(): void }[];
  const keep = <T extends { close(): void }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  const reasons = (): Readonly<Record<string, number>> => at.broker.status().ledger.reasons;

  beforeEach(async () => {
    open = [];
    at = await startBroker({ reserved: ["ceo"], limits: { zmqNamingMs: 10 } });
  });
  afterEach(async () => {
    for (const thing of open) thing.close();
    await at.stop();
  });

  it("refuses a claimed sender of a name with a token, a reserved one, and of the broker", async () => {
    await issueToken(at.dataDir, "boss");
    const victim = await keep(new PlainAgent("victim", at)).meet();
    const forger = await keep(new PlainAgent("forger", at)).meet();
    await eventually(async () => {
      await forger.send("victim", "inform", "obey", { from: "boss" });
      await forger.settled();
      return (reasons()["from-forged"] ?? 0) > 0;
    }, "the new token is known");
    const before = reasons()["from-forged"] ?? 0;
    victim.heard.length = 0;
    for (const from of ["boss", "ceo", "$broker", "$anything"]) await forger.send("victim", "inform", "obey", { from });
    await forger.pub.send([
      "victim",
      '{"message_id":"x","\\u0066rom":"boss","type":"inform","content":{"message":"escaped"}}',
    ]);
    await forger.pub.send([
      "victim",
      '{"message_id":"x","from":"forger","from":"boss","type":"inform","content":{"message":"twice"}}',
    ]);
    await forger.send("victim", "inform", "honest, with a \\ and a $");
    expect((await victim.hears()).message.content.message).toBe("honest, with a \\ and a $");
    expect(victim.heard).toEqual([]);
    expect((reasons()["from-forged"] ?? 0) - before).toBe(5);
  });

  it("refuses a claimed name that looks like a protected one: to speak, to hear, and to declare", async () => {
    const victim = await keep(new PlainAgent("victim", at)).meet();
    const twins = ["CEO", "cео", "ｃｅｏ"];
    const forger = await keep(new PlainAgent("forger", at, { topics: ["forger", ...twins] })).meet();
    const told = await forger.hears(({ message }) => message.content["kind"] === "fault");
    expect(told.message.content.message).toMatch(/looks like ceo, which belongs to somebody who proves it/);
    victim.heard.length = 0;
    for (const from of twins) await forger.send("victim", "inform", "obey", { from });
    await forger.send("victim", "inform", "honest");
    expect((await victim.hears()).message.content.message).toBe("honest");
    expect(victim.heard).toEqual([]);
    expect(reasons()["from-forged"]).toBe(twins.length);
    const names = at.broker.status().agents;
    const declaring = keep(new PlainAgent("CEO", at, { declare: true, topics: ["CEO"] }));
    await declaring.send("victim", "inform", "obey");
    await forger.send("victim", "inform", "honest again");
    expect((await victim.hears()).message.content.message).toBe("honest again");
    expect(at.broker.status().agents).toBe(names);
  });

  it("tells that a name in another Unicode form is nobody's", async () => {
    const ada = await keep(new PlainAgent("ada", at)).meet();
    await keep(new PlainAgent("zoë", at)).meet();
    await ada.send("zoe\u0308", "request", "here?");
    const { message } = await ada.hears(({ message: one }) => one.content["kind"] === "fault");
    expect(message.content.message).toMatch(/another Unicode form than NFC/);
  });

  it("lets no claimed sender write what only the broker writes, and says trust for a proved one", async () => {
    const boss = await keep(new PlainAgent("boss", at, { token: await issueToken(at.dataDir, "boss") })).meet();
    const victim = await keep(new PlainAgent("victim", at)).meet();
    const spy = await keep(new PlainAgent("spy", at, { topics: ["spy", ""] })).meet();
    const forger = await keep(new PlainAgent("forger", at)).meet();
    const own = { trust: "proved", replay: true, received_at: "2026-01-01T00:00:00Z" };
    const data = { trust: "proved", replay: true };
    for (const to of ["victim", "#lobby", "all"])
      await forger.send(to, "inform", "believe me", { ...own, content: { message: "believe me", data } });
    await forger.send("victim", "inform", "as bytes", { content: { message: "as bytes", data } });
    for (const [agent, times] of [
      [victim, 2],
      [spy, 3],
    ] as const) {
      for (let time = 0; time < times; time += 1) {
        const { message } = await agent.hears((heard) => heard.message.content.message === "believe me");
        expect(Object.keys(message)).not.toEqual(
          expect.arrayContaining([expect.stringMatching(/^(trust|replay|received_at)$/)]),
        );
        expect(message.content["data"]).toEqual(data);
      }
    }
    expect(
      (await victim.hears((heard) => heard.message.content.message === "as bytes")).message.content["data"],
    ).toEqual(data);
    await boss.send("victim", "inform", "truly");
    await boss.send("victim", "inform", "truly", { trust: "claimed", replay: true });
    for (let time = 0; time < 2; time += 1) {
      const { message } = await victim.hears((heard) => heard.message.from === "boss");
      expect(message).toMatchObject({ trust: "proved", content: { message: "truly" } });
      expect(message).not.toHaveProperty("replay");
    }
  });

  it("refuses $events and unknown $ topics from everybody", async () => {
    const spy = await keep(new PlainAgent("spy", at, { topics: ["spy", "$events"] })).meet();
    await spy.send("$events", "inform", "fake", { content: { message: "fake", kind: "agent.online" } });
    expect((await spy.hears(({ message }) => message.content.kind === "fault")).message.content).toMatchObject({
      data: { code: "forbidden" },
    });
    await spy.settled();
    expect(spy.heard.filter(({ message }) => message.content.message === "fake")).toEqual([]);
  });

  it("lets a PLAIN publisher speak as itself only, and tells it", async () => {
    const token = await issueToken(at.dataDir, "boss");
    const boss = await keep(new PlainAgent("boss", at, { token })).meet();
    const victim = await keep(new PlainAgent("victim", at)).meet();
    const forged = await boss.send("victim", "request", "as somebody else", { from: "victim" });
    expect((await boss.hears()).message).toMatchObject({
      in_reply_to: forged.message_id,
      content: { kind: "fault", data: { code: "forbidden" } },
    });
    await boss.send("victim", "inform", "as myself");
    expect((await victim.hears()).message).toMatchObject({ from: "boss", content: { message: "as myself" } });
  });

  it("keeps another agent's mail from a PLAIN agent, and everything from one without a scope", async () => {
    const boss = await keep(new PlainAgent("boss", at, { token: await issueToken(at.dataDir, "boss") })).meet();
    const ada = await keep(new PlainAgent("ada", at)).meet();
    for (const topic of ["ada", ""]) {
      boss.sub.subscribe(topic);
      expect((await boss.hears(({ message }) => message.content.kind === "fault")).message.content).toMatchObject({
        data: { code: "forbidden", subscription: topic },
      });
    }
    await boss.send("ada", "inform", "only for ada");
    await ada.hears();
    await boss.settled();
    expect(boss.heard).toEqual([]);
    const watcher = keep(
      new PlainAgent("watcher", at, {
        token: await issueToken(at.dataDir, "watcher", "zmq", { scopes: ["inspect"] }),
        topics: ["watcher", ""],
      }),
    );
    await watcher.meet();
    await boss.send("ada", "inform", "seen");
    expect((await watcher.hears(({ message }) => message.content.message === "seen")).topic).toBe("ada");
  });

  it("refuses a wrong password for good, and lets a declared name that has an owner sleep", async () => {
    await issueToken(at.dataDir, "boss");
    const wrong = keep(new PlainAgent("boss", at, { token: "not-the-token" }));
    await eventually(
      () =>
        Object.entries(reasons()).some(([reason, count]) => /unauthenticated|password|plain/.test(reason) && count > 0),
      "the password is refused",
    );
    const thief = keep(new PlainAgent("boss", at, { declare: true }));
    const bystander = await keep(new PlainAgent("bystander", at)).meet();
    await bystander.send("boss", "request", "are you boss?");
    expect((await bystander.hears()).message.content).toMatchObject({ kind: "fault", data: { code: "not-found" } });
    expect((await thief.hears()).message.content).toMatchObject({ kind: "fault", data: { subscription: "boss" } });
    expect([...wrong.heard, ...thief.heard]).toEqual([]);
  });

  it("lets a client of libzmq in whose declared name is taken, and wakes the name when it is free", async () => {
    const pan = keep(
      await PanWire.login(at.pan, "bot", (await readFile(join(at.dataDir, "pan-token"), "utf8")).trim()),
    );
    const bot = keep(new PlainAgent("bot", at, { declare: true }));
    const ada = await keep(new PlainAgent("ada", at)).meet();
    expect((await bot.hears()).message.content).toMatchObject({ kind: "fault", data: { subscription: "bot" } });
    await ada.send("bot", "inform", "for the session");
    expect(await pan.hears("chat")).toMatchObject({ text: "for the session" });
    pan.close();
    await eventually(async () => {
      await ada.send("bot", "inform", "for the agent");
      return bot.heard.length > 0;
    }, "the name is awake");
    await bot.meet();
    expect(bot.heard.map(({ message }) => message.content.message)).not.toContain("for the session");
  });

  it("gives a name to whoever proves it, also on a WebSocket, and lets the claimed subscription sleep", async () => {
    const claimed = await keep(new PlainAgent("boss", at)).meet();
    const pan = keep(await PanWire.login(at.pan, "boss", await issueToken(at.dataDir, "boss", "ws")));
    const ada = await keep(new PlainAgent("ada", at)).meet();
    await ada.send("boss", "inform", "for the owner");
    expect(await pan.hears("chat")).toMatchObject({ text: "for the owner" });
    await ada.settled();
    expect(claimed.heard.filter(({ message }) => message.content.message === "for the owner")).toEqual([]);
    expect(reasons()["subscription-asleep"]).toBeGreaterThan(0);
  });

  it("lets several claimed connections of one name all hear, and the first response closes the request", async () => {
    const one = await keep(new PlainAgent("twin", at)).meet();
    const two = await keep(new PlainAgent("twin", at)).meet();
    const bot = keep(await PanWire.login(at.pan, "bot", await issueToken(at.dataDir, "bot", "ws")));
    bot.say({ type: "chat", to: "twin", text: "who?" });
    const [first, second] = await Promise.all([
      one.hears(({ message }) => message.from === "bot"),
      two.hears(({ message }) => message.from === "bot"),
    ]);
    expect(first.message.message_id).toBe(second.message.message_id);
    await one.send("bot", "response", "me", { in_reply_to: first.message.message_id });
    expect(await bot.hears("chat")).toMatchObject({ text: "me", intent: "response" });
  });
});
