import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyFor } from "../kit/agentchat-keys.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";

/** AgentChat §5.4 and protocols §9: repeats. */
describe("an AgentChat message to a mailbox that is said again", () => {
  let test: TestBroker;
  let bob: PlainAgent;

  beforeEach(async () => {
    test = await startBroker();
    bob = await new PlainAgent("bob", test).meet();
  });

  afterEach(async () => {
    bob.close();
    await test.stop();
  });

  async function enter(): Promise<ChatWire> {
    const wire = await ChatWire.open(test.pan.replace("/pan", "/agentchat"));
    return wire.identifies("speaker", keyFor("speaker"));
  }

  const said = { type: "MSG", to: "@bob", content: "once", msg_id: "m-1", receipt: true };

  it("is stored once, and its sender is told again where it stands", async () => {
    await bob.asks("mailbox.open", { mode: "take" });
    for (let time = 0; time < 2; time += 1) {
      const wire = await enter();
      wire.say(said);
      const delivery = await wire.hears(({ type }) => type === "DELIVERY");
      expect(delivery).toMatchObject({ msg_ids: ["m-1"], state: "stored" });
      wire.close();
    }
    expect((await bob.asks("mailbox.status")).content["data"]).toMatchObject({ stored: 1, waiting: 1 });
  });

  it("is told of its end, when it has come to one", async () => {
    await bob.asks("mailbox.open", { mode: "take" });
    const wire = await enter();
    wire.say(said);
    await wire.hears(({ type }) => type === "DELIVERY");
    const [taken] = ((await bob.asks("mailbox.take")).content["data"] as { messages: { $broker: object }[] }).messages;
    const id = (taken?.$broker as { delivery_id: string }).delivery_id;
    await bob.asks("mailbox.refuse", { ids: [id], reason: "not now" });
    expect(await wire.hears(({ type }) => type === "DELIVERY")).toMatchObject({ state: "refused" });
    wire.say(said);
    expect(await wire.hears(({ type }) => type === "DELIVERY")).toMatchObject({ state: "refused", reason: "not now" });
    wire.close();
  });
});
