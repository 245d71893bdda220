import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PanWire, panToken, type PanFrame } from "../../kit/pan-wire.js";
import { PlainAgent, type WireMessage } from "../../kit/plain-agent.js";
import { issueToken } from "../../kit/tokens.js";

describe("the mailbox of a PAN bot (PAN §14)", () => {
  let test: TestBroker;
  const ends: (() => unknown)[] = [];

  beforeEach(async () => {
    test = await startBroker();
    ends.push(() => test.stop());
  });

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const plain = async (name: string): Promise<PlainAgent> => {
    const agent = new PlainAgent(name, test);
    ends.push(() => {
      agent.close();
    });
    return agent.meet();
  };
  const wire = async (): Promise<PanWire> => {
    const opened = await PanWire.open(test.pan);
    ends.push(() => {
      opened.close();
    });
    return opened;
  };
  const tokens = new Map<string, string>();
  /** Logs in with a token of its own; `mailbox`: false, true, or settings. */
  const login = async (agentId: string, mailbox: unknown = true): Promise<PanWire> => {
    const token = tokens.get(agentId) ?? (await issueToken(test.dataDir, agentId, "ws"));
    tokens.set(agentId, token);
    const bot = await wire();
    bot.say({ type: "auth", agentId, token, mailbox });
    await bot.hears(({ status }) => status === "success");
    if (mailbox !== false) await bot.hears(({ kind }) => kind === "mailbox.open");
    return bot;
  };
  const gone = async (bot: PanWire): Promise<void> => {
    bot.close();
    await bot.closed;
  };
  /** Opens the mailbox of a name, and goes. */
  const away = async (agentId: string, mailbox: unknown = true): Promise<void> => {
    await gone(await login(agentId, mailbox));
  };
  const delivery = (bot: PanWire, state: string): Promise<PanFrame> =>
    bot.hears((frame) => frame["status"] === "delivery" && frame["state"] === state);
  const opens = async (agent: PlainAgent, data: Record<string, unknown> = {}): Promise<WireMessage> =>
    agent.asks("mailbox.open", data);

  beforeEach(() => {
    tokens.clear();
  });

  it("is opened by auth, hands over what waited once the bot is in, and is opened again with other settings", async () => {
    const first = await login("trader", { keep_s: 60 });
    await gone(first);
    const ada = await plain("ada");
    await ada.send("trader", "inform", "while you were away");
    await ada.settled();
    const token = tokens.get("trader");
    const again = await wire();
    again.say({ type: "auth", agentId: "trader", token, mailbox: { keep_s: 120 } });
    expect(await again.hears(() => true)).toMatchObject({ type: "system", status: "success" });
    const opened = await again.hears("answer");
    expect(opened).toMatchObject({ kind: "mailbox.open", data: { agent: "trader", keep_s: 120, stored: 1 } });
    expect(opened).not.toHaveProperty("replyTo");
    const chat = await again.hears("chat");
    expect(chat).toMatchObject({ text: "while you were away", from: "ada" });
    expect(Date.parse(String(chat["stored_at"]))).toBeGreaterThan(Date.now() - 60_000);
  });

  it("is refused to the shared token, with the remedy, and the bot is in", async () => {
    const bot = await wire();
    bot.say({ type: "auth", agentId: "trader", token: panToken(test.dataDir), mailbox: true });
    await bot.hears(({ status }) => status === "success");
    const refused = await bot.hears("error");
    expect(refused).toMatchObject({ code: "NOT_INVITED" });
    expect(refused["message"]).toMatch(/connect with a token of its own \(broker token trader\)$/);
    await bot.settled();
  });

  it.each([
    [{ mode: "pull" }, "INVALID_FORMAT", /mode is push or take/],
    [{ keep_s: 0 }, "INVALID_FORMAT", /keep_s/],
    [{ agent: "ada" }, "NOT_INVITED", /only the operator/],
    ["take", "INVALID_FORMAT", /^mailbox: must be true, or settings such as {"mode": "take"}$/],
    [["take"], "INVALID_FORMAT", /must be true/],
    [1, "INVALID_FORMAT", /must be true/],
  ])("says what is wrong with %j, and the bot is in", async (mailbox, code, why) => {
    const token = await issueToken(test.dataDir, "trader", "ws");
    const bot = await wire();
    bot.say({ type: "auth", agentId: "trader", token, mailbox });
    await bot.hears(({ status }) => status === "success");
    const refused = await bot.hears("error");
    expect([refused["code"], refused["message"]]).toEqual([code, expect.stringMatching(why)]);
    await bot.settled();
  });

  it("goes with the newer session of its bot, which hears what the older one had not proved", async () => {
    await away("trader");
    const ada = await plain("ada");
    for (const text of ["one", "two"]) await ada.send("trader", "inform", text);
    await ada.settled();
    const first = await wire();
    // It reads nothing: so nothing is proved.
    first.say({ type: "auth", agentId: "trader", token: tokens.get("trader") });
    await first.hears(({ status }) => status === "success");
    first.socket.pause();
    await ada.send("trader", "inform", "three");
    await ada.settled();
    const second = await login("trader");
    await ada.send("trader", "inform", "four");
    await second.hears(({ text }) => text === "four");
    const later = second.frames.filter(({ type }) => type === "chat").map((frame) => String(frame["text"]));
    expect(["three", "two three", "one two three"]).toContain(later.join(" "));
    first.socket.resume();
    expect((await first.closed).code).toBe(4409);
  });

  it("tells each state of what was said with receipt: true", async () => {
    const bot = await login("trader", false);
    const asked = (messageId: string, more: Record<string, unknown> = {}): void => {
      bot.say({ type: "chat", to: "bob", text: messageId, messageId, receipt: true, ...more });
    };
    const bob = new PlainAgent("bob", test, { declare: true });
    ends.push(() => {
      bob.close();
    });
    await bob.meet();
    await opens(bob, { mode: "take" });
    const take = async (): Promise<Record<string, string>> => {
      const { content } = await bob.asks("mailbox.take", { max: 10, wait_ms: 5_000 });
      const { messages } = content["data"] as { messages: (WireMessage & { $broker: { delivery_id: string } })[] };
      return Object.fromEntries(messages.map(({ message_id, $broker }) => [message_id, $broker.delivery_id]));
    };
    asked("done", { intent: "inform" });
    const stored = await delivery(bot, "stored");
    expect(stored).toMatchObject({ type: "system", messageIds: ["done"], until: expect.any(String) as string });
    await bob.asks("mailbox.done", { ids: [(await take())["done"]] });
    expect(await delivery(bot, "done")).toMatchObject({ messageIds: ["done"] });
    asked("refused", { intent: "inform" });
    await delivery(bot, "stored");
    await bob.asks("mailbox.refuse", { ids: [(await take())["refused"]], reason: "not mine" });
    expect(await delivery(bot, "refused")).toMatchObject({ messageIds: ["refused"], reason: "not mine" });
    asked("answered", { intent: "request" });
    await delivery(bot, "stored");
    await take();
    await bob.send("trader", "response", "yes", { in_reply_to: "answered" });
    expect(await delivery(bot, "answered")).toMatchObject({ messageIds: ["answered"] });
    asked("expired", { intent: "inform", expiresAt: new Date(Date.now() + 400).toISOString() });
    expect(await delivery(bot, "expired")).toMatchObject({ messageIds: ["expired"] });
    asked("dead", { intent: "inform" });
    await bot.hears((frame) => frame["state"] === "stored" && String(frame["messageIds"]) === "dead");
    const operator = await issueToken(test.dataDir, "boss", "ws", { scopes: ["operate"] });
    const boss = await PanWire.login(test.pan, "boss", operator);
    ends.push(() => {
      boss.close();
    });
    boss.say({ type: "ask", kind: "mailbox.close", data: { agent: "bob", discard: true } });
    expect(await delivery(bot, "dead")).toMatchObject({ messageIds: ["dead"], reason: "closed" });
  });

  it("is told that it is full, with the time to try again", async () => {
    await away("bob", { max: 4 });
    const bot = await login("trader", false);
    bot.say({ type: "chat", to: "bob", text: "1", messageId: "1" });
    bot.say({ type: "chat", to: "bob", text: "2", messageId: "2" });
    const refused = await bot.hears("error");
    expect(refused).toMatchObject({ code: "room_full", messageId: "2", retryAfter: 60_000 });
    expect(refused["message"]).toMatch(/mailbox of bob/);
  });

  it("keeps the answer of a ZeroMQ agent that came later for the bot that left meanwhile", async () => {
    const early = await plain("late");
    await opens(early);
    early.close();
    // Its library takes, and proves, what comes before that (protocols §9.3).
    await eventually(() => test.broker.status().connections.zmqOut === 0, "the broker knows that it has gone");
    const bot = await login("trader");
    bot.say({ type: "chat", to: "late", text: "what is it worth?", messageId: "q1", intent: "request", receipt: true });
    await delivery(bot, "stored");
    await gone(bot);
    const late = new PlainAgent("late", test);
    ends.push(() => {
      late.close();
    });
    const asked = await late.hears(({ message }) => message.content.message === "what is it worth?");
    expect(asked.message).toMatchObject({ message_id: "q1", type: "request", from: "trader" });
    await late.meet(); // its other socket, too
    // As an agent answers that knows no in_reply_to.
    await late.send("trader", "response", "42");
    await late.settled();
    const again = await login("trader");
    const answer = await again.hears("chat");
    expect(answer).toMatchObject({ from: "late", text: "42", intent: "response", replyTo: "q1" });
    expect(answer).toHaveProperty("stored_at");
    expect(await delivery(again, "answered")).toMatchObject({ messageIds: ["q1"] });
  });
});
