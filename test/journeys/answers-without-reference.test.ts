import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";

/** Seed 004 knows no `in_reply_to`: an agent written from it answers in order and says no more than that. */
describe("an agent that never says what it answers", () => {
  let at: TestBroker;
  const open: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  const connect = async (name: string): Promise<Agent> =>
    keep(await Agent.connect({ name, in: at.zmqIn, out: at.zmqOut }));

  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
    await at.stop();
  });

  /** The agent, which has heard `count` requests and answers them in their order. */
  async function answersAll(seed: PlainAgent, count: number): Promise<readonly string[]> {
    const heard = [];
    for (let n = 0; n < count; n += 1) heard.push(await seed.hears(({ message }) => message.type === "request"));
    for (const { message } of heard) await seed.send(message.from, "response", `to ${message.content.message}`);
    return heard.map(({ message }) => message.message_id);
  }

  it("ends the requests of the SDK, two at once, in their order", async () => {
    const seed = await keep(new PlainAgent("seed", at)).meet();
    const ada = await connect("ada");
    const answers = Promise.all([ada.request("seed", "one"), ada.request("seed", "two")]);
    await answersAll(seed, 2);
    expect((await answers).map(({ content }) => content.message)).toEqual(["to one", "to two"]);
  });

  it("ends the request of an agent in the broker's own process", async () => {
    const seed = await keep(new PlainAgent("seed", at)).meet();
    const inside = keep(at.broker.agent("inside"));
    const answers = Promise.all([inside.request("seed", "one"), inside.request("seed", "two")]);
    const ids = await answersAll(seed, 2);
    expect((await answers).map(({ content, in_reply_to }) => [content.message, in_reply_to])).toEqual([
      ["to one", ids[0]],
      ["to two", ids[1]],
    ]);
  });

  it("is no answer after the time is over, unless it is for the next one", async () => {
    const seed = await keep(new PlainAgent("seed", at)).meet();
    const ada = await connect("ada");
    await expect(ada.request("seed", "one", { timeoutMs: 30 })).rejects.toMatchObject({ code: "timeout" });
    await seed.send("ada", "response", "late");
    for await (const { type, content } of ada) {
      expect([type, content.message]).toEqual(["response", "late"]);
      break;
    }
  });

  it("reaches PAN with replyTo, two questions in their order", async () => {
    const seed = await keep(new PlainAgent("seed", at)).meet();
    const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
    for (const messageId of ["q1", "q2"]) bot.say({ type: "chat", to: "seed", text: messageId, messageId });
    await answersAll(seed, 2);
    for (const replyTo of ["q1", "q2"])
      expect(await bot.hears("chat")).toMatchObject({ text: `to ${replyTo}`, intent: "response", replyTo });
  });

  it("is heard although nothing else of it makes sense, by the SDK as bytes and by PAN", async () => {
    const seed = await keep(new PlainAgent("seed", at)).meet();
    const ada = await connect("ada");
    const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
    const answer = ada.request("seed", "one");
    bot.say({ type: "chat", to: "seed", text: "two", messageId: "q2", replyTo: null });
    const nonsense = { message_id: null, timestamp: [], expires_at: 5, hops: -1, in_reply_to: {} };
    for (let n = 0; n < 2; n += 1) {
      const { message } = await seed.hears(({ message }) => message.type === "request");
      const payload = { from: "seed", type: "response", content: `to ${message.content.message}`, ...nonsense };
      await seed.pub.send([message.from, JSON.stringify(payload)]);
    }
    expect((await answer).content.message).toBe("to one");
    expect(await bot.hears("chat")).toMatchObject({ text: "to two", intent: "response", replyTo: "q2" });
  });

  it("reaches AgentChat with in_reply_to", async () => {
    const seed = await keep(new PlainAgent("seed", at)).meet();
    const chat = await ChatWire.enter(at.pan.replace(/pan$/, "agentchat"), "chat");
    keep({
      close: () => {
        chat.socket.terminate();
      },
    });
    chat.say({ type: "MSG", to: "@seed", content: "one", msg_id: "m1" });
    await answersAll(seed, 1);
    expect(await chat.hears((frame) => frame.type === "MSG" && frame["from"] === "@seed")).toMatchObject({
      content: "to one",
      in_reply_to: "m1",
    });
  });

  it("reaches a ZeroMQ agent with in_reply_to where the broker looks at it", async () => {
    const [asker, seed] = await Promise.all(
      ["asker", "seed"].map(async (name) =>
        keep(new PlainAgent(name, at, { token: await issueToken(at.dataDir, name, "zmq") })).meet(),
      ),
    );
    if (asker === undefined || seed === undefined) throw new Error("there are two");
    const asked = await asker.send("seed", "request", "one");
    await answersAll(seed, 1);
    expect((await asker.hears()).message).toMatchObject({
      content: { message: "to one" },
      in_reply_to: asked.message_id,
      trust: "proved",
    });
  });
});
