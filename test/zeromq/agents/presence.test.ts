import { afterEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PanWire, panToken } from "../../kit/pan-wire.js";
import { PlainAgent, type Heard } from "../../kit/plain-agent.js";
import { stuckSubscriber } from "../../kit/stuck-subscriber.js";

const faultFor =
  (id: string) =>
  ({ message }: Heard): boolean =>
    message.in_reply_to === id && message.content["kind"] === "fault";

describe("agents that go away, and what they are told", () => {
  let at: TestBroker;
  const open: { close(): void }[] = [];
  const keep = <T extends { close(): void }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  afterEach(async () => {
    for (const thing of open.splice(0)) thing.close();
    await at.stop();
  });

  it("holds messages for a name in its grace and gives them in order when it is back", async () => {
    at = await startBroker({ limits: { graceInferredMs: 20_000, zmqNamingMs: 10 } });
    const ada = await keep(new PlainAgent("ada", at)).meet();
    const bob = await new PlainAgent("bob", at).meet();
    bob.close();
    await eventually(() => at.broker.status().connections.zmqOut === 1, "bob is gone");
    for (const n of [1, 2, 3]) await ada.send("bob", "request", `held ${n}`);
    await ada.settled();
    await eventually(() => at.broker.status().ledger.copies.pending === 3, "three are held");
    const back = keep(new PlainAgent("bob", at));
    for (const n of [1, 2, 3]) expect((await back.hears()).message.content.message).toBe(`held ${n}`);
    await eventually(() => at.broker.status().ledger.copies.pending === 0, "nothing is held any more");
    // A machine that is busy answers more than one of the pings by which an agent finds the broker.
    expect(ada.heard.filter(({ message }) => message.content["kind"] !== "ping")).toEqual([]);
  });

  it("answers not-found and counts what was held when the grace is over", async () => {
    at = await startBroker({ limits: { graceInferredMs: 300, zmqNamingMs: 10 } });
    const ada = await keep(new PlainAgent("ada", at)).meet();
    const bob = await new PlainAgent("bob", at).meet();
    bob.close();
    await eventually(() => at.broker.status().connections.zmqOut === 1, "bob is gone");
    const asked = await ada.send("bob", "request", "too late?");
    await ada.send("bob", "inform", "by the way");
    expect((await ada.hears(faultFor(asked.message_id))).message.content).toMatchObject({
      data: { code: "not-found" },
    });
    await eventually(() => at.broker.status().ledger.copies.pending === 0, "nothing is held any more");
    expect(at.broker.status().ledger.copies.dropped.expired).toBe(2);
  });

  it("holds messages to unknown names in the first seconds, then judges them", async () => {
    at = await startBroker({ limits: { startHoldMs: 1_500, zmqNamingMs: 10 } });
    const ada = await keep(new PlainAgent("ada", at)).meet();
    await ada.send("late", "request", "come quickly");
    const asked = await ada.send("never", "request", "are you coming?");
    const late = keep(new PlainAgent("late", at));
    expect((await late.hears()).message.content.message).toBe("come quickly");
    expect((await ada.hears(faultFor(asked.message_id))).message.content).toMatchObject({
      data: { code: "not-found" },
    });
  });

  it("tells a plain agent that a bot did not answer in time", async () => {
    at = await startBroker({ limits: { requestTimeoutMs: 100 } });
    const ada = await keep(new PlainAgent("ada", at)).meet();
    const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
    const asked = await ada.send("bot", "request", "quick!");
    await bot.hears("chat");
    expect((await ada.hears(faultFor(asked.message_id))).message.content).toMatchObject({ data: { code: "timeout" } });
    const expired = await ada.send("bot", "request", "yesterday", {
      expires_at: new Date(Date.now() - 1_000).toISOString(),
    });
    expect((await ada.hears(faultFor(expired.message_id))).message.content).toMatchObject({
      data: { code: "timeout" },
    });
  });

  it("tells at most ten faults a second and sums up the rest", async () => {
    at = await startBroker();
    const ada = await keep(new PlainAgent("ada", at)).meet();
    for (let n = 0; n < 50; n += 1) await ada.send("ghost", "request", `${n}`);
    await ada.settled();
    expect(ada.heard.filter(({ message }) => message.content["kind"] === "fault").length).toBeLessThanOrEqual(10);
    expect(at.broker.status().ledger.messages.unroutable).toBeGreaterThanOrEqual(50);
  });

  it("cannot be made to flood a victim with faults, and never answers a response or a fault", async () => {
    at = await startBroker();
    const victim = await keep(new PlainAgent("victim", at)).meet();
    const attacker = await keep(new PlainAgent("attacker", at)).meet();
    for (let n = 0; n < 200; n += 1) await attacker.send("ghost", "request", "?", { from: "victim" });
    await attacker.send("ghost", "response", "never asked");
    await attacker.send("ghost", "request", "a fault", { content: { message: "a fault", kind: "fault" } });
    await attacker.settled();
    await victim.settled();
    expect(victim.heard.length).toBeLessThanOrEqual(11);
    expect(attacker.heard).toEqual([]);
  });

  it("stops a plain agent and a bot that answer each other for ever, and tells both", async () => {
    at = await startBroker({ limits: { panRatePerSecond: 0 } });
    const ada = await keep(new PlainAgent("ada", at)).meet();
    const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
    const types: string[] = [];
    for (let n = 0; n < 40; n += 1) {
      bot.say({ type: "chat", to: "ada", text: `bot ${n}`, intent: "request" });
      const heard = await ada.hears(({ message }) => message.from === "bot");
      types.push(heard.message.type);
      if (heard.message.type === "inform") break;
      await ada.send("bot", "response", `ada ${n}`, { in_reply_to: heard.message.message_id });
      await bot.hears("chat");
    }
    expect(types.at(-1)).toBe("inform");
    expect(types.length).toBeLessThan(25);
    expect((await ada.hears(({ message }) => message.content["kind"] === "fault")).message.content).toMatchObject({
      data: { code: "loop" },
    });
    expect(await bot.hears("error")).toMatchObject({ message: expect.stringMatching(/answered each other/) as string });
  });

  it("tells on $events what a reader that does not read has lost", async () => {
    at = await startBroker({ limits: { zmqBacklogMaxBytes: 64 * 1024 } });
    const watcher = await keep(new PlainAgent("watcher", at, { topics: ["watcher", "$events"] })).meet();
    keep(await stuckSubscriber(at.zmqOut, "sleepy"));
    await eventually(() => at.broker.status().connections.zmqOut === 2, "the stuck reader is there");
    const text = "x".repeat(50_000);
    await eventually(async () => {
      await watcher.send("sleepy", "inform", text);
      return at.broker.status().ledger.copies.dropped.full > 0;
    }, "messages are dropped");
    const told = await watcher.hears(({ message }) => message.content["kind"] === "dropped");
    expect(told.message.content).toMatchObject({ data: { agent: "sleepy" } });
    expect((told.message.content["data"] as { count: number }).count).toBeGreaterThan(0);
  });
});
