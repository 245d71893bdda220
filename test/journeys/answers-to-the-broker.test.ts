import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";
import { NetworkAgent } from "../kit/network-agent.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";

describe("what is said to the broker in answer to nothing", () => {
  let at: TestBroker;
  const open: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
    await at.stop();
  });

  it("is refused in PAN and AgentChat as a question that it does not know", async () => {
    const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
    bot.say({ type: "chat", to: "$broker", text: "approve", messageId: "m1" });
    expect(await bot.hears("error")).toMatchObject({ messageId: "m1", message: /no question of this kind/ });
    const talker = keep(await ChatWire.enter(at.pan.replace(/pan$/, "agentchat"), "talker"));
    talker.say({ type: "MSG", to: "@server", content: "approve", msg_id: "m2" });
    expect(await talker.hears(({ type }) => type === "ERROR")).toMatchObject({ ref: "m2" });
  });

  it("is passed over where it says that it answers: nobody is told anything of an answer", async () => {
    const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
    bot.say({ type: "chat", to: "$broker", text: "approve", replyTo: "nothing" });
    const plain = await keep(new PlainAgent("plain", at)).meet();
    for (const more of [{}, { in_reply_to: "nothing" }]) await plain.send("$broker", "response", "approve", more);
    const agent = keep(await NetworkAgent.enter(at, "agent"));
    const said = agent.say("system", "RESPONSE", { requestId: "nothing", data: { vote: "approve" }, error: null });
    expect((await agent.hearsOf("system", "ACK")).content).toEqual({ messageId: said.messageId });
    for (const each of [bot, plain]) await each.settled();
    expect([bot.frames, plain.heard]).toEqual([[], []]);
    expect(Object.keys(at.broker.status().ledger.reasons).filter((reason) => reason.startsWith("vote-"))).toEqual([]);
  });

  it("is refused in Agent Network where it is no answer, or sealed", async () => {
    const agent = keep(await NetworkAgent.enter(at, "agent"));
    const metadata = { priority: "NORMAL", encrypted: true, requiresResponse: false };
    const refused = async (type: string, content: object, more: object = {}): Promise<unknown> => {
      agent.say("system", type, content, more);
      return (await agent.hearsOf("system", "ERROR")).content["errorCode"];
    };
    const answer = { requestId: "r1", data: "approve", error: null };
    expect(await refused("RESPONSE", answer, { metadata })).toBe("ENCRYPTION_ERROR");
    expect(await refused("RESPONSE", { data: "approve" })).toBe("INVALID_MESSAGE_FORMAT");
    expect(await refused("RESPONSE", { ...answer, error: "no" })).toBe("INVALID_MESSAGE_FORMAT");
    expect(await refused("INFORM", { text: "approve" })).toBe("INVALID_MESSAGE_FORMAT");
  });

  it("counts for nobody else's vote, and only for the first word of one's own", async () => {
    const ada = await keep(new PlainAgent("ada", at)).meet();
    const [bob, eve] = [await keep(new PlainAgent("bob", at)).meet(), await keep(new PlainAgent("eve", at)).meet()];
    await ada.asks("coordination.start", {
      participants: [{ id: "bob", role: "voter" }],
      parameters: { proposal: { type: "sale" } },
    });
    const { message } = await bob.hears(({ message: { type } }) => type === "request");
    await eve.send("$broker", "response", "reject", { in_reply_to: message.message_id });
    await eve.settled();
    await bob.send("$broker", "response", "APPROVE", { in_reply_to: message.message_id });
    const result = await ada.hears(({ message: { content } }) => content["kind"] === "coordination.result");
    expect(result.message.content["data"]).toMatchObject({ status: "APPROVED", votes: { bob: { vote: "approve" } } });
    await bob.send("$broker", "response", "reject", { in_reply_to: message.message_id });
    await bob.settled();
    expect(at.broker.status().ledger.reasons).toMatchObject({ "vote-foreign": 1, "vote-repeated": 1 });
  });
});
