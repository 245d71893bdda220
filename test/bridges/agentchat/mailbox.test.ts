import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BrokerOptions } from "../../../src/index.js";
import { keyFor } from "../../kit/agentchat-keys.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { ChatWire, type ChatFrame } from "../../kit/chat-wire.js";
import { PlainAgent } from "../../kit/plain-agent.js";

describe("the mailbox of an AgentChat agent (AgentChat §14)", () => {
  let test: TestBroker;
  let url: string;
  const ends: (() => unknown)[] = [];

  const start = async (options: BrokerOptions = {}): Promise<void> => {
    const started = await startBroker({ limits: { agentchatRatePerSecond: 0 }, ...options });
    test = started;
    url = started.pan.replace("/pan", "/agentchat");
    ends.push(() => started.stop());
  };

  beforeEach(() => start());

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const wire = async (): Promise<ChatWire> => {
    const opened = await ChatWire.open(url);
    ends.push(() => {
      opened.close();
    });
    return opened;
  };
  const type =
    (wanted: string) =>
    ({ type: is }: ChatFrame): boolean =>
      is === wanted;
  const key = keyFor("bob");
  const enter = async (mailbox: unknown = true, by = key): Promise<ChatWire> => {
    const chat = await wire();
    chat.say({ type: "IDENTIFY", name: "bob", pubkey: by.pem, mailbox });
    await chat.proves(by);
    return chat;
  };
  const gone = async (chat: ChatWire): Promise<void> => {
    const { ws } = test.broker.status().connections;
    chat.close();
    await eventually(() => test.broker.status().connections.ws < ws, "the broker knows that it has gone");
  };
  const plain = async (name: string): Promise<PlainAgent> => {
    const agent = new PlainAgent(name, test);
    ends.push(() => {
      agent.close();
    });
    return agent.meet();
  };
  const opened = (chat: ChatWire): Promise<ChatFrame> =>
    chat.hears((frame) => frame.type === "ANSWER" && frame["kind"] === "mailbox.open");
  const delivery = (chat: ChatWire, state: string): Promise<ChatFrame> =>
    chat.hears((frame) => frame.type === "DELIVERY" && frame["state"] === state);

  it("is open when VERIFY_SUCCESS is said, and hands over what was said while the agent was away", async () => {
    const first = await wire();
    first.say({ type: "IDENTIFY", name: "bob", pubkey: key.pem, mailbox: { keep_s: 60 } });
    await first.hears(type("WELCOME"));
    expect(first.frames.filter(type("ANSWER"))).toEqual([]);
    await first.proves(key);
    const [answer] = first.frames.filter(type("ANSWER")); // before VERIFY_SUCCESS
    expect(answer).toMatchObject({ kind: "mailbox.open", ref: "IDENTIFY", data: { agent: key.id, keep_s: 60 } });
    await gone(first);
    const ada = await plain("ada");
    const said = await ada.send(key.id, "request", "are you there?", { receipt: ["stored", "settled"] });
    const stored = await ada.hears(({ message }) => message.content["kind"] === "receipt");
    expect(stored.message.content["data"]).toMatchObject({ ids: [said.message_id], state: "stored" });
    const again = await enter();
    const heard = await again.text("are you there?");
    expect(heard).toMatchObject({ from: "@ada", to: `@${key.id}`, msg_id: said.message_id });
    expect(heard["stored_at"]).toEqual(expect.any(String));
    // As a client answers that knows no in_reply_to.
    again.say({ type: "MSG", to: "@ada", content: "yes" });
    const { message } = await ada.hears(({ message: { type: is } }) => is === "response");
    expect(message).toMatchObject({ in_reply_to: said.message_id, content: { message: "yes" } });
  });

  it("is refused to an agent without a key, with the remedy, and it is in", async () => {
    const chat = await wire();
    chat.say({ type: "IDENTIFY", name: "bob", mailbox: true });
    await chat.hears(type("WELCOME"));
    const refused = await chat.hears(type("ERROR"));
    expect(refused).toMatchObject({ code: "NOT_INVITED", ref: "IDENTIFY" });
    expect(refused["message"]).toMatch(/is made up for this connection, so log in with a key of your own \(pubkey\)/);
    expect(refused["message"]).not.toMatch(/token/);
    await chat.settled();
  });

  it("is refused to a key that is not proved yet, with the remedy", async () => {
    const chat = await wire();
    chat.say({ type: "IDENTIFY", name: "bob", pubkey: key.pem });
    await chat.hears(type("WELCOME"));
    chat.say({ type: "ASK", kind: "mailbox.open", msg_id: "q1" });
    const refused = await chat.hears(type("ERROR"));
    expect(refused).toMatchObject({ code: "NOT_INVITED", ref: "q1" });
    expect(refused["message"]).toMatch(/your key is not proved yet, so answer the challenge/);
    await chat.settled();
  });

  it.each([
    [{ mode: "pull" }, /mode is push or take/],
    ["take", /^mailbox: must be true, or settings such as {"mode": "take"}$/],
    [["take"], /must be true/],
    [1, /must be true/],
  ])("says what is wrong with %j, and the agent is proved", async (mailbox, why) => {
    const chat = await enter(mailbox);
    const refused = await chat.hears(type("ERROR"));
    expect(refused).toMatchObject({ code: "INVALID_MSG", ref: "IDENTIFY" });
    expect(refused["message"]).toMatch(why);
    await chat.settled();
  });

  it("says what is wrong with it to an agent without a key, too, and it is in", async () => {
    const chat = await wire();
    chat.say({ type: "IDENTIFY", name: "bob", mailbox: "take" });
    await chat.hears(type("WELCOME"));
    expect(await chat.hears(type("ERROR"))).toMatchObject({ code: "INVALID_MSG", ref: "IDENTIFY" });
    await chat.settled();
  });

  it("is for whoever proves the key, also if the operator lets it in unproved", async () => {
    await start({ agentchat: { unproved: [key.id] } });
    await gone(await enter());
    const ada = await plain("ada");
    await ada.send(key.id, "inform", "for bob alone");
    await ada.settled();
    const chat = await wire();
    chat.say({ type: "IDENTIFY", name: "bob", pubkey: key.pem });
    const told = await chat.hears(type("ERROR"));
    expect(told).toMatchObject({ code: "AUTH_REQUIRED", ref: "IDENTIFY" });
    expect(told["message"]).toMatch(/this key has a mailbox here/);
    await ada.send(key.id, "inform", "for bob, too");
    await ada.settled();
    expect(chat.frames.filter(type("MSG"))).toEqual([]);
    await chat.proves(key);
    await chat.text("for bob, too");
    expect(chat.frames.filter(type("MSG")).map(({ content }) => content)).toEqual(["for bob alone"]);
  });

  it("tells each state of what was said with receipt: true", async () => {
    const chat = await enter(false);
    const bob = await plain("box");
    await bob.asks("mailbox.open", { mode: "take" });
    const take = async (): Promise<string[]> => {
      const { content } = await bob.asks("mailbox.take", { max: 10, wait_ms: 5_000 });
      const { messages } = content["data"] as { messages: { $broker: { delivery_id: string } }[] };
      return messages.map(({ $broker }) => $broker.delivery_id);
    };
    const said = async (id: string): Promise<void> => {
      chat.say({ type: "MSG", to: "@box", content: id, msg_id: id, receipt: true });
      expect(await delivery(chat, "stored")).toMatchObject({ msg_ids: [id], until: expect.any(Number) as number });
    };
    await said("answered");
    await take();
    await bob.send(key.id, "response", "yes", { in_reply_to: "answered" });
    expect(await delivery(chat, "answered")).toMatchObject({ msg_ids: ["answered"] });
    await chat.text("yes");
    await said("refused");
    await bob.asks("mailbox.refuse", { ids: await take(), reason: "not mine" });
    expect(await delivery(chat, "refused")).toMatchObject({ msg_ids: ["refused"], reason: "not mine" });
    await bob.send(key.id, "request", "and you?", { message_id: "q" });
    await chat.text("and you?");
    chat.say({ type: "MSG", to: "@box", content: "an answer passes", in_reply_to: "q" });
    await bob.hears(({ message }) => message.in_reply_to === "q");
    await said("done"); // after an answer, text is an inform
    await bob.asks("mailbox.done", { ids: await take() });
    expect(await delivery(chat, "done")).toMatchObject({ msg_ids: ["done"] });
  });

  it("is told that a mailbox is full, with the time to try again", async () => {
    const other = keyFor("full");
    const owner = await enter({ max: 4 }, other);
    await opened(owner);
    await gone(owner);
    const chat = await enter(false);
    for (const id of ["1", "2"]) chat.say({ type: "MSG", to: `@${other.id}`, content: id, msg_id: id });
    const refused = await chat.hears(type("ERROR"));
    expect(refused).toMatchObject({ code: "INVALID_MSG", ref: "2", retry_after: 60_000 });
    expect(refused["message"]).toMatch(/mailbox of/);
  });

  it("keeps the steps of an agreement for a party that is away", async () => {
    const bob = await enter();
    const other = keyFor("other");
    const partner = await enter(false, other);
    partner.say({ type: "PROPOSAL", to: `@${key.id}`, task: "work", sig: other.signs(`@${key.id}|work||||`) });
    const { proposal_id: id } = await bob.hears(type("PROPOSAL"));
    bob.say({ type: "ACCEPT", proposal_id: id, sig: key.signs(`ACCEPT|${String(id)}|`) });
    await bob.hears(type("ACCEPT"));
    await partner.hears(type("ACCEPT"));
    await gone(bob);
    partner.say({ type: "COMPLETE", proposal_id: id, proof: "done", sig: other.signs(`COMPLETE|${String(id)}|done`) });
    await partner.hears(type("COMPLETE"));
    const again = await enter();
    const heard = await again.hears(type("COMPLETE"));
    expect(heard).toMatchObject({ proposal_id: id, proof: "done", stored_at: expect.any(String) as string });
  });
});
