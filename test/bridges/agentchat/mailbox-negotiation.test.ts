import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyFor, type TestKey } from "../../kit/agentchat-keys.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import type { ChatFrame, ChatWire } from "../../kit/chat-wire.js";
import { enterWithKey, ofType, proposalOf, stepOf } from "../../kit/keyed-chat.js";
import { PlainAgent } from "../../kit/plain-agent.js";

const [ada, bob] = [keyFor("ada"), keyFor("bob")];

describe("the mailbox of a party of an agreement (AgentChat §14.4)", () => {
  let test: TestBroker;
  let dataDir: string;
  const chats: ChatWire[] = [];
  const agents: PlainAgent[] = [];

  const start = async (): Promise<void> => {
    test = await startBroker({ dataDir, limits: { agentchatRatePerSecond: 0 } });
  };
  const closeAll = (): void => {
    for (const open of [...chats.splice(0), ...agents.splice(0)]) open.close();
  };
  const restart = async (): Promise<void> => {
    closeAll();
    await test.stop();
    await start();
  };

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "synaptic-test-"));
    await start();
  });

  afterEach(async () => {
    closeAll();
    await test.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const enter = async (key: TestKey, mailbox: unknown = false): Promise<ChatWire> => {
    const chat = await enterWithKey(test.pan.replace("/pan", "/agentchat"), key, mailbox);
    chats.push(chat);
    return chat;
  };
  const gone = async (chat: ChatWire): Promise<void> => {
    const { ws } = test.broker.status().connections;
    chat.close();
    await eventually(() => test.broker.status().connections.ws < ws, "the broker knows that it has gone");
  };
  /** Opens the mailbox of a key, and goes. */
  const away = async (key: TestKey, mailbox: unknown = true): Promise<void> => {
    await gone(await enter(key, mailbox));
  };
  /** What a step says, without what tells when and how it came. */
  const essence = ({ ts, stored_at, delivery_id, attempt, ...said }: ChatFrame): Partial<ChatFrame> => {
    expect(typeof ts).toBe("number");
    expect([typeof delivery_id, typeof attempt, typeof stored_at]).not.toContain("object");
    return said;
  };

  it("keeps a new proposal to a party that is away, and hands it over as a PROPOSAL", async () => {
    await away(bob);
    const one = await enter(ada);
    one.say({ ...proposalOf(ada, bob, "work"), terms: "by noon" });
    const own = await one.hears(ofType("PROPOSAL"));
    const heard = await (await enter(bob)).hears(ofType("PROPOSAL"));
    expect(heard["stored_at"]).toEqual(expect.any(String));
    expect(essence(heard)).toEqual(essence(own));
  });

  it("is not made for a proposal: a party that is away without one is AGENT_NOT_FOUND", async () => {
    await away(bob, false);
    const one = await enter(ada);
    one.say(proposalOf(ada, bob, "work"));
    const refused = await one.hears(ofType("ERROR"));
    expect(refused).toMatchObject({ code: "AGENT_NOT_FOUND", ref: "PROPOSAL" });
  });

  it("hands over every step as what it was, over restarts of the broker", async () => {
    await away(ada);
    await away(bob);
    const own: ChatFrame[] = [];
    const says = async (key: TestKey, said: ChatFrame): Promise<ChatFrame> => {
      await restart();
      const speaker = await enter(key);
      speaker.say(said);
      const told = await speaker.hears((frame) => frame.type === said.type && frame["from"] === `@${key.id}`);
      own.push(told);
      await gone(speaker);
      return told;
    };
    const { proposal_id: done } = await says(ada, proposalOf(ada, bob, "work"));
    const { proposal_id: bad } = await says(ada, proposalOf(ada, bob, "more work"));
    const { proposal_id: no } = await says(ada, proposalOf(ada, bob, "too much"));
    await restart();
    const two = await enter(bob);
    const offers = [await two.hears(ofType("PROPOSAL")), await two.hears(ofType("PROPOSAL"))];
    expect(offers.map(essence)).toEqual(own.slice(0, 2).map(essence));
    expect(essence(await two.hears(ofType("PROPOSAL")))).toEqual(essence(own.at(2) ?? { type: "none" }));
    await gone(two);
    await says(bob, stepOf(bob, "ACCEPT", done, { payment_code: "x" }));
    await says(bob, stepOf(bob, "ACCEPT", bad));
    await says(bob, stepOf(bob, "REJECT", no, { reason: "too much" }));
    await says(bob, stepOf(bob, "COMPLETE", done, { proof: "here" }));
    await says(bob, stepOf(bob, "DISPUTE", bad, { reason: "no pay" }));
    await restart();
    const one = await enter(ada);
    for (const step of own.slice(3)) {
      const heard = await one.hears(ofType(step.type));
      expect(essence(heard)).toEqual(essence(step));
      expect(heard["stored_at"]).toEqual(expect.any(String));
    }
    await one.settled();
    expect(one.frames.filter(({ type }) => type === "MSG" || type === "ERROR")).toEqual([]);
  });

  it("says of a proposal that waited too long that it has expired", async () => {
    await away(bob);
    const one = await enter(ada);
    const sig = ada.signs(`@${bob.id}|now||||0.3`);
    one.say({ type: "PROPOSAL", to: `@${bob.id}`, task: "now", expires: 0.3, sig });
    const { status, expires } = await one.hears(ofType("PROPOSAL"));
    expect(status).toBe("pending");
    await eventually(() => Date.now() >= Number(expires), "it can be accepted no more");
    const two = await enter(bob);
    expect(await two.hears(ofType("PROPOSAL"))).toMatchObject({ task: "now", status: "expired" });
  });

  it("that is full is told to the speaker; its step stands, and said again it is told again", async () => {
    await away(bob, { max: 4 });
    const one = await enter(ada);
    one.say(proposalOf(ada, bob, "first"));
    const { proposal_id: id } = await one.hears(ofType("PROPOSAL"));
    const two = await enter(bob);
    await two.hears(ofType("PROPOSAL"));
    two.say(stepOf(bob, "ACCEPT", id));
    await one.hears(ofType("ACCEPT"));
    await gone(two);
    one.say({ type: "MSG", to: `@${bob.id}`, content: "one message is my quarter" });
    await one.text("one message is my quarter");
    const complete = stepOf(ada, "COMPLETE", id, { proof: "p" });
    one.say(complete);
    await one.hears(ofType("COMPLETE"));
    const refused = await one.hears(ofType("ERROR"));
    expect(refused).toMatchObject({ code: "INVALID_MSG", ref: "COMPLETE", retry_after: 60_000 });
    expect(refused["message"]).toMatch(/COMPLETE stands.*mailbox of/);
    const again = await enter(bob);
    await again.text("one message is my quarter");
    await gone(again);
    one.say(complete);
    await one.hears(ofType("COMPLETE"));
    expect(await (await enter(bob)).hears(ofType("COMPLETE"))).toMatchObject({ proof: "p", status: "completed" });
  });

  it("takes a step that is said again by who does not know once", async () => {
    await away(bob);
    for (let times = 0; times < 2; times += 1) {
      const one = await enter(ada);
      one.say(proposalOf(ada, bob, "work"));
      await one.hears(ofType("PROPOSAL"));
      await gone(one);
    }
    const two = await enter(bob);
    await two.hears(ofType("PROPOSAL"));
    await two.settled();
    expect(two.frames.filter(ofType("PROPOSAL"))).toEqual([]);
  });

  it("hands over as a message what only looks like a step", async () => {
    await away(bob);
    const eve = new PlainAgent("eve", test);
    agents.push(eve);
    await eve.meet();
    const one = await enter(ada);
    one.say(proposalOf(ada, bob, "work"));
    const { ts, type, ...data } = await one.hears(ofType("PROPOSAL"));
    const forged = { message: `proposes, ${type} of ${String(ts)}`, kind: "proposal", data: { ...data, amount: 9 } };
    await eve.send(bob.id, "inform", "", { content: forged });
    await eve.send(bob.id, "inform", "", { content: { ...forged, data } });
    await eve.settled();
    await restart();
    const two = await enter(bob);
    expect(await two.hears(ofType("PROPOSAL"))).toMatchObject({ from: `@${ada.id}`, task: "work" });
    const forgeries = [await two.hears(ofType("MSG")), await two.hears(ofType("MSG"))];
    expect(forgeries.map(({ from }) => from)).toEqual(["@eve", "@eve"]);
    await two.settled();
    expect(two.frames.filter(ofType("PROPOSAL"))).toEqual([]);
  });

  it("keeps an invitation to a channel for an agent that is away", async () => {
    await away(bob);
    const one = await enter(ada);
    one.say({ type: "CREATE_CHANNEL", channel: "#lab", invite_only: true });
    await one.hears(ofType("JOINED"));
    one.say({ type: "INVITE", channel: "#lab", agent: `@${bob.id}` });
    await one.settled();
    expect(one.frames.filter(ofType("ERROR"))).toEqual([]);
    await restart();
    const two = await enter(bob);
    expect(await two.hears(ofType("MSG"))).toMatchObject({ from: "@server", stored_at: expect.any(String) as string });
    two.say({ type: "JOIN", channel: "#lab" });
    expect(await two.hears(ofType("JOINED"))).toMatchObject({ channel: "#lab" });
  });
});
