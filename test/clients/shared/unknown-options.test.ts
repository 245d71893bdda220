import { afterEach, beforeEach, expect, it } from "vitest";
import { AgentChatClient } from "../../../clients/typescript/agentchat/client.js";
import { PanClient, type Refused } from "../../../clients/typescript/pan/client.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { panToken } from "../../kit/pan-wire.js";

let at: TestBroker;
const ends: (() => unknown)[] = [];
beforeEach(async () => {
  at = await startBroker();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await at.stop();
});

const hasCode = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string });

it.each([
  [{ mail_box: true }, /^new PanClient has "mail_box"; did you mean mailbox\?$/],
  [{ reconect: false }, /did you mean reconnect\?/],
  [{ colour: "red" }, /^new PanClient has "colour"; known are url, agentId, /],
])("PanClient refuses an option that is none: %j", (more, message) => {
  const options = { url: at.pan, agentId: "ada", token: "t", ...more };
  expect(() => new PanClient(options)).toThrow(hasCode("INVALID_FORMAT", message));
});

it.each([
  [{ mail_box: true }, /^new AgentChatClient has "mail_box"; did you mean mailbox\?$/],
  [{ reconect: false }, /did you mean reconnect\?/],
  [{ colour: "red" }, /^new AgentChatClient has "colour"; known are server, name, /],
])("AgentChatClient refuses an option that is none: %j", (more, message) => {
  const options = { server: "ws://127.0.0.1:1", ...more };
  expect(() => new AgentChatClient(options)).toThrow(hasCode("INVALID_MSG", message));
});

it("PanClient sends nothing with an option that is none", async () => {
  const ada = new PanClient({ url: at.pan, agentId: "ada", token: panToken(at.dataDir) });
  ends.push(() => ada.close());
  await ada.connect();
  const heard: unknown[] = [];
  const refused: Refused[] = [];
  ada.on("chat", (chat) => heard.push(chat));
  ada.on("refused", (one) => refused.push(one));
  ada.say("ada", "hi", { reciept: true, messageId: "m1" } as object);
  const slip = (message: RegExp): unknown => hasCode("INVALID_FORMAT", message);
  await expect(ada.join("#lab", { histroy: 3 } as object)).rejects.toEqual(slip(/^join has .*mean history\?; nothing/));
  await expect(ada.ask("ping", {}, { timeoutms: 3 } as object)).rejects.toEqual(slip(/^ask has .*mean timeoutMs\?/));
  await ada.list();
  expect(refused).toEqual([hasCode("INVALID_FORMAT", /^say has "reciept"; did you mean receipt\?$/)]);
  expect(refused[0]?.messageId).toBe("m1");
  expect(heard).toEqual([]);
  expect(ada.rooms.size).toBe(0);
});

it("AgentChatClient sends nothing with an option that is none", async () => {
  const ada = new AgentChatClient({ server: at.pan.replace(/pan$/, "agentchat"), name: "ada" });
  ends.push(() => ada.disconnect());
  await ada.connect();
  const heard: unknown[] = [];
  ada.on("message", (message) => heard.push(message));
  const self = ada.agentId ?? "";
  const slip = (message: RegExp): unknown => hasCode("INVALID_MSG", message);
  const wrong = { reciept: true } as object;
  for (const call of ["send", "dm", "deliver"] as const)
    await expect(ada[call](self, "hi", wrong)).rejects.toEqual(slip(/^MSG has .*mean receipt\?; nothing was sent$/));
  await expect(ada.join("#lab", { replaay: 3 } as object)).rejects.toEqual(slip(/^JOIN has .*mean replay\?/));
  await expect(ada.ask("ping", {}, { timeoutms: 3 } as object)).rejects.toEqual(slip(/^ASK has .*mean timeoutMs\?/));
  const terms = { task: "sweep", amuont: 5 };
  await expect(ada.propose(self, terms)).rejects.toEqual(slip(/^PROPOSAL has .*mean amount\?/));
  await ada.ping();
  expect(heard).toEqual([]);
  expect(ada.channels.size).toBe(0);
});
