import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { PlainAgent } from "../kit/plain-agent.js";

/** Protocols §9, over real sockets of libzmq. */
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

  it("keeps what is said while the agent is away, and hands it over in order before anything new", async () => {
    const first = bob();
    await open(first);
    first.close();
    for (let at = 0; at < 40; at += 1) await ada.inform("bob", `number ${String(at)}`);
    const again = bob();
    await ada.inform("bob", "new");
    await again.hears(({ message }) => message.content.message === "new");
    const texts = again.heard.map(({ message }) => message.content.message);
    expect(texts).toEqual([...Array.from({ length: 40 }, (_, at) => `number ${String(at)}`)]);
    again.close();
  });
});
