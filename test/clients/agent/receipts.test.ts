import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, Refuse, type MailboxOption } from "../../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";

/** What the sender is told (protocols §9.12), over ZeroMQ. */
describe("a sender of messages to a mailbox", () => {
  let at: TestBroker;
  let ada: Agent;
  const agents: Agent[] = [];

  beforeEach(async () => {
    at = await startBroker({ limits: { mailMax: 10_000 } });
    ada = await join("ada");
  });
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.close()));
    await at.stop();
  });

  async function join(name: string, mailbox: MailboxOption = false): Promise<Agent> {
    const agent = await Agent.connect({ name, mailbox, in: at.zmqIn, out: at.zmqOut });
    agents.push(agent);
    return agent;
  }
  async function away(name: string, mailbox: MailboxOption = "take"): Promise<void> {
    await (await join(name, mailbox)).close();
    agents.pop();
  }

  it("is told each state by a promise: stored, done, answered, refused, expired, dead", async () => {
    await away("bob");
    const send = (text: string, more: { type?: "request"; expiresInMs?: number } = {}) => ada.send("bob", text, more);
    const sent = {
      done: send("done"),
      answered: send("answered", { type: "request" }),
      refused: send("refused"),
      expired: send("expired", { expiresInMs: 700 }),
      dead: send("dead"),
    };
    for (const { messageId, stored } of Object.values(sent))
      expect(await stored).toMatchObject({ id: messageId, state: "stored", until: expect.any(String) as string });
    expect(await sent.expired.settled).toMatchObject({ state: "expired" });
    const bob = await join("bob", { mode: "take", retryMs: 1 });
    bob.onRequest(({ content }) => content.message);
    bob.onInform(({ content: { message } }) => {
      if (message === "refused") throw new Refuse("not mine");
      if (message === "dead") throw new Error("it never works");
    });
    for (const [state, { messageId, settled }] of Object.entries(sent))
      expect(await settled).toMatchObject({ id: messageId, state });
    expect(await sent.refused.settled).toMatchObject({ reason: "not mine" });
    const { messages } = await bob.peek({ dead: true });
    expect(messages).toMatchObject([{ state: "dead", message: { content: { message: "dead" } } }]);
  });

  it("has a promise for what it asked for, and no other", async () => {
    const bob = await join("bob", "take");
    bob.onInform(() => undefined);
    const stored = ada.send("bob", "one", { receipt: ["stored"] });
    expect(Object.keys(stored)).toEqual(["messageId", "stored"]);
    expect(await stored.stored).toMatchObject({ state: "stored" });
    expect(await ada.send("bob", "two", { receipt: ["settled"] }).settled).toMatchObject({ state: "done" });
  });

  it("is refused where it cannot be known: a full box, none, the same id, its own end", async () => {
    await away("bob", { mode: "take", max: 4 });
    const [first, second] = [ada.send("bob", "one"), ada.send("bob", "two")];
    await expect(first.stored).resolves.toMatchObject({ state: "stored" });
    for (const refused of [second.stored, second.settled])
      await expect(refused).rejects.toMatchObject({ code: "full", retryAfterMs: expect.any(Number) as number });
    await join("carol");
    await expect(ada.send("carol", "?", { timeoutMs: 100 }).stored).rejects.toMatchObject({ code: "timeout" });
    await expect(ada.send("nobody", "?", { type: "request" }).settled).rejects.toMatchObject({ code: "not-found" });
    const again = ada.send("bob", "one", { messageId: first.messageId });
    await expect(again.settled).rejects.toMatchObject({ code: "conflict" });
    const left = expect(first.settled).rejects.toMatchObject({ code: "going-away" });
    await ada.close();
    await left;
  });

  it("asks where a message stands whose receipts were lost with the broker", async () => {
    const bob = await join("bob", "take");
    const sent = ada.send("bob", "?");
    await sent.stored;
    await at.broker.stop();
    const { zmqIn, zmqOut, dataDir } = at;
    const again = await startBroker({ dataDir, zmqIn: [zmqIn], zmqOut: [zmqOut] });
    try {
      bob.onInform(() => undefined);
      expect(await sent.settled).toMatchObject({ state: "done" });
    } finally {
      await Promise.all(agents.splice(0).map((agent) => agent.close()));
      await again.stop();
    }
  });

  it("learns from a timeout that the request is stored, and hears the late answer", async () => {
    await away("bob");
    const late: unknown[] = [];
    ada.onResponse(({ content, in_reply_to: id }) => void late.push([content.message, id]));
    const asked = ada.request("bob", "when you are back", { timeoutMs: 200, messageId: "q1" });
    await expect(asked).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringMatching(/^stored for bob, away since .*, will be delivered until /) as string,
      detail: { state: "waiting", until: expect.any(String) as string, away_since: expect.any(String) as string },
    });
    const bob = await join("bob", "take");
    bob.onRequest(() => "I am back");
    await eventually(() => late.length === 1, "the answer comes");
    expect(late).toEqual([["I am back", "q1"]]);
  });

  it("learns it from each of many timeouts at once", async () => {
    const names = Array.from({ length: 20 }, (_, n) => `worker-${String(n)}`);
    for (const name of names) await away(name, "push");
    const asked = names.map((name) => ada.request(name, "?", { timeoutMs: 300 }));
    for (const [n, each] of (await Promise.allSettled(asked)).entries())
      expect(each).toMatchObject({
        reason: { message: expect.stringContaining(`stored for worker-${String(n)}, away since `) as string },
      });
  });

  it("may have more requests stored than may be open: those count against the box alone", async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.close()));
    await at.stop();
    at = await startBroker({ limits: { requestsPerSenderMax: 2, requestsMax: 4 } });
    ada = await join("ada");
    await away("bob");
    const late: unknown[] = [];
    ada.onResponse(({ in_reply_to: id }) => void late.push(id));
    const ids = ["q1", "q2", "q3", "q4", "q5"];
    for (const messageId of ids)
      await expect(ada.request("bob", "?", { timeoutMs: 50, messageId })).rejects.toMatchObject({ code: "timeout" });
    const bob = await join("bob", "take");
    bob.onRequest(() => "yes");
    await eventually(() => late.length === ids.length, "all are answered");
    expect([...late].sort()).toEqual(ids);
  });

  it("is given the answer that was stored for it while it was away", async () => {
    const bob = await join("bob", "take");
    await ada.close();
    agents.splice(agents.indexOf(ada), 1);
    ada = await join("ada", "push");
    ada.send("bob", "?", { type: "request", messageId: "q2" });
    await eventually(async () => (await bob.mailboxStatus()).waiting === 1, "it is stored");
    const { zmqOut: ears } = at.broker.status().connections;
    await ada.close();
    agents.splice(agents.indexOf(ada), 1);
    await eventually(() => at.broker.status().connections.zmqOut === ears - 1, "ada is away");
    bob.onRequest(() => "yes");
    await eventually(async () => (await bob.mailboxStatus()).answered === 1, "it is answered");
    ada = await join("ada", "push");
    const heard = await new Promise((resolve) => ada.onResponse(resolve));
    expect(heard).toMatchObject({ in_reply_to: "q2", content: { message: "yes" } });
  });

  it("has 1,000 messages taken and each handled once, while the handler is slow", async () => {
    const senders = await Promise.all(["a", "b", "c", "d"].map((name) => join(name)));
    await away("bob", { mode: "take", max: 10_000 });
    const sent = senders.flatMap((sender) => Array.from({ length: 250 }, (_, n) => sender.send("bob", String(n))));
    await Promise.all(sent.map(({ stored }) => stored));
    const bob = await join("bob", { mode: "take", leaseMs: 1_000, parallel: 100 });
    const heard: string[] = [];
    bob.onInform(async ({ message_id: id }) => {
      heard.push(id);
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    await Promise.all(sent.map(({ settled }) => settled));
    expect(heard).toHaveLength(1_000);
    expect(new Set(heard).size).toBe(1_000);
    expect(await bob.mailboxStatus()).toMatchObject({ waiting: 0, leased: 0, done: 1_000, stored: 1_000 });
  });

  it("finds an agent in push mode as it was: what waits comes first, in order, to its handlers", async () => {
    await away("bob", true);
    const sent = Array.from({ length: 200 }, (_, n) => ada.send("bob", String(n)));
    await Promise.all(sent.map(({ stored }) => stored));
    const bob = await Agent.connect({ name: "bob", in: at.zmqIn, out: at.zmqOut });
    agents.push(bob);
    const heard: string[] = [];
    bob.onInform(({ content }) => void heard.push(content.message));
    await Promise.all(sent.map(({ settled }) => settled));
    await ada.inform("bob", "new");
    await eventually(() => heard.at(-1) === "new", "all is heard");
    expect(heard).toEqual([...Array.from({ length: 200 }, (_, n) => String(n)), "new"]);
    await eventually(async () => (await bob.mailboxStatus()).done === 201, "all is handed over");
    expect(await bob.mailboxStatus()).toMatchObject({ mode: "push", waiting: 0 });
  });
});
