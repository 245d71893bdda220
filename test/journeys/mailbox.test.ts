import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { PanWire } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";

/** What protocols §9 says, over real sockets of libzmq. */
describe("a mailbox of a plain ZeroMQ agent", () => {
  let test: TestBroker;
  let ada: Agent;

  beforeEach(async () => {
    test = await startBroker();
    ada = await Agent.connect({ name: "ada", in: test.zmqIn, out: test.zmqOut });
  });

  afterEach(async () => {
    await ada.close();
    await test.stop();
  });

  const bob = () => new PlainAgent("bob", test);

  async function open(agent: PlainAgent): Promise<void> {
    await agent.meet();
    await agent.send("$broker", "request", "open", { content: { message: "open", kind: "mailbox.open" } });
    await agent.hears(({ message }) => message.content["kind"] === "mailbox.open");
  }

  const doors = () => test.broker.status().connections.zmqOut;

  /** Bob has opened a mailbox, and has gone. */
  async function boxed(): Promise<void> {
    const first = bob();
    await open(first);
    const before = doors();
    first.close();
    // Its library takes, and proves, what comes before that (protocols §9.3).
    await eventually(() => doors() < before, "the broker knows that bob has gone");
  }

  it("keeps what is said while the agent is away, and hands it over in order before anything new", async () => {
    await boxed();
    for (let at = 0; at < 40; at += 1) await ada.inform("bob", `number ${String(at)}`);
    const again = bob();
    await ada.inform("bob", "new");
    await again.hears(({ message }) => message.content.message === "new");
    const texts = again.heard.map(({ message }) => message.content.message);
    expect(texts).toEqual([...Array.from({ length: 40 }, (_, at) => `number ${String(at)}`)]);
    again.close();
  });

  /** Bob has a box in which 20 messages wait. */
  async function waiting(): Promise<readonly string[]> {
    await boxed();
    const said = Array.from({ length: 20 }, (_, at) => `number ${String(at)}`);
    for (const text of said) await ada.inform("bob", text);
    return said;
  }

  it.each([["bob"], ["bo"], [""]])(
    "hands nothing over to a connection that declares its name before libzmq has subscribed to %j",
    async (subscription) => {
      const said = await waiting();
      const before = doors();
      const declared = new PlainAgent("bob", test, { declare: true, topics: [] });
      await eventually(() => doors() > before, "the connection that has declared its name");
      // The broker has had time to push, and libzmq to drop and to answer.
      for (let at = 0; at < 10; at += 1) await ada.request("$broker", { message: "ping", kind: "ping" });
      declared.sub.subscribe(subscription);
      await declared.hears(({ message }) => message.content.message === said.at(-1));
      const heard = declared.heard.map(({ message }) => message.content.message);
      expect(heard.filter((text) => said.includes(text))).toEqual(said.slice(0, -1));
      declared.close();
    },
  );
});

describe("a mailbox of a PAN bot", () => {
  it("keeps what is said while the bot is away, tells who asked for receipts, and matches the late answer", async () => {
    const test = await startBroker();
    const token = await issueToken(test.dataDir, "trader", "ws");
    const login = async () => {
      const wire = await PanWire.open(test.pan);
      wire.say({ type: "auth", agentId: "trader", token, mailbox: true });
      await wire.hears((frame) => frame.type === "system" && frame["status"] === "success");
      await wire.hears((frame) => frame.type === "answer" && frame["kind"] === "mailbox.open");
      return wire;
    };
    const first = await login();
    first.close();
    const ada = await new PlainAgent("ada", test).meet();
    const asked = await ada.send("trader", "request", "what is it worth?", { receipt: ["stored", "settled"] });
    const stored = await ada.hears(({ message }) => message.content["kind"] === "receipt");
    expect(stored.message.content["data"]).toMatchObject({ ids: [asked.message_id], state: "stored" });
    const again = await login();
    const heard = await again.hears("chat");
    expect(heard).toMatchObject({ text: "what is it worth?", intent: "request", messageId: asked.message_id });
    expect(heard["stored_at"]).toEqual(expect.any(String));
    again.say({ type: "chat", to: "ada", text: "42" });
    const answer = await ada.hears(({ message }) => message.type === "response");
    expect(answer.message).toMatchObject({ in_reply_to: asked.message_id, content: { message: "42" } });
    const settled = await ada.hears(({ message }) => message.content["kind"] === "receipt");
    expect(settled.message.content["data"]).toMatchObject({ ids: [asked.message_id], state: "answered" });
    again.close();
    ada.close();
    await test.stop();
  });
});
