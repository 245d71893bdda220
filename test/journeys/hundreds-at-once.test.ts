import { expect, it } from "vitest";
import { AgentChatClient } from "../../clients/typescript/agentchat/client.js";
import { startBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";

it("hears hundreds of messages that an AgentChat client sends without a pause, in order, where its rate is off", async () => {
  const count = 1_000;
  const at = await startBroker({ limits: { sessionQueueMax: 16, agentchatRatePerSecond: 0 } });
  const url = at.pan.replace("/pan", "/agentchat");
  const bob = await ChatWire.enter(url, "bob");
  const ada = new AgentChatClient({ server: url, name: "ada" });
  const errors: unknown[] = [];
  ada.on("error", (error) => errors.push(error));
  try {
    await ada.connect();
    // The client gives each an id: the server keeps it on disk before it hears the next.
    const texts = Array.from({ length: count }, (_, n) => `message ${n}`);
    const heard = texts.map((text) => bob.text(text));
    await Promise.all(texts.map((text) => ada.send(bob.id, text)));
    const times = (await Promise.all(heard)).map(({ content }) => content);
    expect(times).toEqual(texts);
    expect(errors).toEqual([]);
  } finally {
    await ada.disconnect();
    bob.close();
    await at.stop();
  }
});
