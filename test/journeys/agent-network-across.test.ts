import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { NetworkAgent } from "../kit/network-agent.js";
import type { NetworkFrame } from "../kit/network-wire.js";
import { PanWire } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";

describe("Agent Network among other dialects", () => {
  let at: TestBroker;
  let alice: NetworkAgent;
  let zed: PlainAgent;
  let pat: PanWire;
  beforeEach(async () => {
    at = await startBroker({ limits: { panRatePerSecond: 0, networkRatePerSecond: 0, graceInferredMs: 50 } });
    alice = await network("alice");
    zed = await new PlainAgent("zed", at).meet();
    pat = await PanWire.login(at.pan, "pat", await issueToken(at.dataDir, "pat", "ws"));
  });
  afterEach(async () => {
    for (const client of [alice, zed, pat]) client.close();
    await at.stop();
  });

  const network = (name: string): Promise<NetworkAgent> => NetworkAgent.enter(at, name);
  const proposal = { proposalId: "prop_1", details: { title: "Tea", participants: ["alice", "zed"] } };
  const error = async (): Promise<NetworkFrame["content"]> => (await alice.hearsOf("system", "ERROR")).content;

  it("a query of any type is answered in its own words, by who knows them", async () => {
    const asked = alice.say("zed", "QUERY", {
      requestId: "req_1",
      queryType: "AVAILABILITY",
      parameters: { timeZone: "UTC" },
    });
    const { message } = await zed.hears(({ message: { type } }) => type === "request");
    expect(message).toMatchObject({
      from: "alice",
      message_id: asked.messageId,
      conversation_id: asked.conversationId,
      content: { message: "asks for AVAILABILITY: timeZone UTC", kind: "agent-network.QUERY", data: asked.content },
    });
    const content = { requestId: "req_1", data: { availableTimes: ["2023-06-01T14:00:00Z"] }, error: null };
    await zed.send("alice", "response", "at two", { content: { message: "at two", data: content } });
    expect(await alice.hearsOf("zed", "RESPONSE")).toMatchObject({
      content,
      conversationId: asked.conversationId,
      metadata: { text: "at two", requiresResponse: false },
    });
  });

  it("an error that an agent tells is data.error of the response", async () => {
    const request = await zed.send("alice", "request", "your diary, please");
    const { content } = await alice.hearsOf("zed", "QUERY");
    expect(content).toEqual({
      requestId: request.message_id,
      queryType: "CUSTOM",
      parameters: { text: "your diary, please" },
    });
    const told = { code: "PERMISSION_DENIED", message: "it is mine" };
    alice.say("zed", "RESPONSE", { requestId: content["requestId"], data: null, error: told });
    expect((await zed.hears(({ message: { type } }) => type === "response")).message).toMatchObject({
      in_reply_to: request.message_id,
      content: { message: "cannot answer (PERMISSION_DENIED): it is mine", data: { error: told } },
    });
  });

  it("a proposal is confirmed from another dialect, and only by whom it was put to", async () => {
    const { messageId } = alice.say("pat", "PROPOSAL", proposal);
    const heard = await pat.hears(({ text }) => String(text).startsWith('proposes "Tea"'));
    expect(heard).toMatchObject({ intent: "request", messageId, data: proposal });
    const yes = { proposalId: "prop_1", status: "ACCEPTED" };
    const eve = await new PlainAgent("eve", at).meet();
    const kind = "agent-network.CONFIRMATION";
    await eve.send("alice", "response", "", { in_reply_to: messageId, content: { message: "yes", kind, data: yes } });
    const forged = await alice.hears(({ senderId }) => senderId === "eve");
    expect(forged.messageType).toBe("RESPONSE");
    expect(forged.content["requestId"]).not.toBe("prop_1");
    pat.say({ type: "chat", to: "alice", text: "gladly", data: yes });
    expect(await alice.hearsOf("pat", "CONFIRMATION")).toMatchObject({ content: yes, metadata: { text: "gladly" } });
    eve.close();
  });

  it("a proposal waits until it expires; a late answer is heard all the same", async () => {
    const details = { ...proposal.details, expiresAt: Date.now() + 150 };
    const { messageId, conversationId } = alice.say("zed", "PROPOSAL", { ...proposal, details });
    const { message } = await zed.hears(({ message: { type } }) => type === "request");
    const late = await alice.hearsOf("system", "ERROR");
    expect(late).toMatchObject({
      conversationId,
      content: { errorCode: "TIMEOUT_ERROR", details: { originalMessageId: messageId }, recoverable: true },
    });
    await zed.send("alice", "response", "sorry, late", { in_reply_to: message.message_id });
    expect(await alice.hearsOf("zed", "RESPONSE")).toMatchObject({
      content: { requestId: "prop_1", data: { text: "sorry, late" }, error: null },
      conversationId,
    });
  });

  it("an answer under the requestId of another peer answers nobody's question", async () => {
    const ofZed = await zed.send("alice", "request", "zed's question");
    pat.say({ type: "chat", to: "alice", text: "pat's question", messageId: "p-1" });
    await alice.hearsOf("zed", "QUERY");
    await alice.hearsOf("pat", "QUERY");
    alice.say("pat", "RESPONSE", { requestId: ofZed.message_id, data: { text: "mixed up" }, error: null });
    expect(await pat.hears(({ text }) => text === "mixed up")).toMatchObject({ replyTo: ofZed.message_id });
    alice.say("zed", "RESPONSE", { requestId: ofZed.message_id, data: { text: "zed's answer" }, error: null });
    const { message } = await zed.hears(({ message: { content } }) => content.message === "zed's answer");
    expect(message.in_reply_to).toBe(ofZed.message_id);
    alice.say("pat", "RESPONSE", { requestId: "p-1", data: { text: "pat's answer" }, error: null });
    expect(await pat.hears(({ text }) => text === "pat's answer")).toMatchObject({
      intent: "response",
      replyTo: "p-1",
    });
    expect(zed.heard.filter(({ message: { content } }) => content.message === "mixed up")).toEqual([]);
  });

  it("an answer to what was never asked answers nothing, and a second answer is heard as one", async () => {
    const asked = await zed.send("alice", "request", "once?");
    await alice.hearsOf("zed", "QUERY");
    const answers = async (requestId: string, text: string): Promise<string | undefined> => {
      alice.say("zed", "RESPONSE", { requestId, data: { text }, error: null });
      return (await zed.hears(({ message: { content } }) => content.message === text)).message.in_reply_to;
    };
    expect(await answers("never-asked", "to nothing")).toBe("never-asked");
    expect(await answers(asked.message_id, "first")).toBe(asked.message_id);
    expect(await answers(asked.message_id, "second")).toBe(asked.message_id);
  });

  it("a question waits as long as it says", async () => {
    const query = { requestId: "req_2", queryType: "CUSTOM", parameters: { text: "anybody?" } };
    const { messageId } = alice.say("pat", "QUERY", query, { metadata: { waitMs: 100 } });
    expect(await error()).toMatchObject({
      errorCode: "TIMEOUT_ERROR",
      details: { originalMessageId: messageId, to: "pat" },
    });
  });

  it("nobody says by a kind what only the two who encrypt, or the broker, say", async () => {
    for (const type of ["HANDSHAKE", "ENCRYPTED", "ERROR", "ACK", "Connected"]) {
      const data = { agentId: "zed", publicKey: "k", errorCode: "SERVER_ERROR", messageId: "m" };
      await zed.send("alice", "inform", "", { content: { message: type, kind: `agent-network.${type}`, data } });
      expect(await alice.hears(({ senderId }) => senderId === "zed")).toMatchObject({
        messageType: "INFORM",
        content: { text: type, kind: `agent-network.${type}`, data },
      });
    }
  });

  it("what is sealed leaves for no other dialect and no room", async () => {
    await zed.asks("room.join", { room: "#general" });
    zed.sub.subscribe("#general");
    const seal = { metadata: { encrypted: true } };
    for (const [to, type, more] of [
      ["zed", "ENCRYPTED", seal],
      ["pat", "HANDSHAKE", {}],
      ["pat", "QUERY", seal],
      ["#general", "HANDSHAKE", {}],
      ["all", "ENCRYPTED", {}],
    ] as const) {
      const { messageId } = alice.say(to, type, { requestId: "r", publicKey: "k", text: "secret" }, more);
      expect(await error()).toMatchObject({
        errorCode: "ENCRYPTION_ERROR",
        recoverable: false,
        details: { originalMessageId: messageId },
      });
    }
    await zed.settled();
    await pat.settled();
    expect(JSON.stringify([zed.heard, pat.frames])).not.toContain("secret");
  });

  it("a room hears the frame as it came where it speaks the dialect, and its past as it was said", async () => {
    const bob = await network("bob");
    for (const agent of [alice, bob]) await agent.asks("ROOM_JOIN", { room: "#lab" });
    const joined = await alice.hears(({ messageType, senderId }) => messageType === "INFORM" && senderId === "system");
    expect(joined).toMatchObject({ recipientId: "#lab", content: { kind: "room.joined", data: { agent: "bob" } } });
    pat.say({ type: "join", room: "#lab" });
    await pat.hears(({ status }) => status === "joined");
    const query = { requestId: "req_9", queryType: "CUSTOM", parameters: { text: "who is in?" } };
    const said = alice.say("#lab", "QUERY", query);
    expect(await bob.wire.hearsText(({ senderId }) => senderId === "alice")).toBe(JSON.stringify(said));
    expect(await pat.hears(({ text }) => text === "who is in?")).toMatchObject({ to: "#lab", intent: "inform" });
    const late = await network("late");
    await late.asks("ROOM_JOIN", { room: "#lab", history: 5 });
    const { messageId, conversationId } = said;
    expect(await late.hearsOf("alice", "QUERY")).toMatchObject({
      messageId,
      conversationId,
      recipientId: "#lab",
      content: query,
      metadata: { replay: true, requiresResponse: false },
    });
    late.close();
    bob.close();
  });

  it("60 KB of data arrive whole in either direction", async () => {
    const parameters = { rows: Array.from({ length: 500 }, (_, n) => ({ n, of: "x".repeat(100) })) };
    alice.say("pat", "QUERY", { requestId: "big", queryType: "REPORT", parameters });
    const heard = await pat.hears(({ text }) => String(text).startsWith("asks for REPORT"));
    expect(heard["data"]).toEqual({ requestId: "big", queryType: "REPORT", parameters });
    expect(String(heard["text"]).length).toBeLessThan(1_000);
    await zed.send("alice", "inform", "the report", { content: { message: "the report", data: parameters } });
    expect((await alice.hearsOf("zed", "INFORM")).content).toEqual({ text: "the report", data: parameters });
  });

  it("a content that is not what its type says is refused, and nothing else", async () => {
    for (const [type, content, names] of [
      ["QUERY", { requestId: 5, queryType: "CUSTOM", parameters: {} }, "content.requestId"],
      ["QUERY", { requestId: "", queryType: "CUSTOM", parameters: {} }, "content.requestId"],
      ["QUERY", { requestId: "x".repeat(50_000), queryType: "CUSTOM", parameters: {} }, "content.requestId"],
      ["QUERY", { requestId: "r", queryType: "CUSTOM", parameters: ["text"] }, "content.parameters"],
      ["INFORM", { text: { deep: true } }, "content.text"],
      ["PROPOSAL", { proposalId: "p" }, "content.details"],
    ] as const) {
      const { messageId } = alice.say("zed", type, content);
      const told = await error();
      expect(told).toMatchObject({
        errorCode: "INVALID_MESSAGE_FORMAT",
        message: expect.stringContaining(names) as string,
        details: { originalMessageId: messageId },
      });
    }
    // Who is not here may speak this dialect, where any content is good.
    alice.say("nobody", "PROPOSAL", { proposalId: "p" });
    expect(await error()).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND", recoverable: true });
    alice.say("zed", "INFORM", { text: "still here \ud83d" });
    expect((await zed.hears(({ message: { type } }) => type === "inform")).message.content.message).toBe(
      "still here \ufffd",
    );
  });

  it("what waits in a mailbox comes back as it was said, and is answered by its own requestId", async () => {
    const bob = await PanWire.login(at.pan, "bob", await issueToken(at.dataDir, "bob", "ws"));
    bob.say({ type: "ask", kind: "mailbox.open", data: {} });
    await bob.hears("answer");
    bob.close();
    await gone("bob");
    const query = { requestId: "req_7", queryType: "CUSTOM", parameters: { text: "when you are back?" } };
    const said = alice.say("bob", "QUERY", query);
    await alice.hears(({ messageType, content }) => messageType === "ACK" && content["messageId"] === said.messageId);
    const back = await network("bob");
    const { messageId, conversationId } = said;
    const heard = await back.hearsOf("alice", "QUERY");
    expect(heard).toMatchObject({ messageId, conversationId, content: query });
    expect(heard.metadata["stored_at"]).toBeDefined();
    const answer = back.say("alice", "RESPONSE", { requestId: "req_7", data: { text: "now" }, error: null });
    expect(await alice.wire.hearsText(({ senderId }) => senderId === "bob")).toBe(JSON.stringify(answer));
    back.close();
  });

  it("a time that is years off has the broker's beside it", async () => {
    alice.say("zed", "INFORM", { text: "long ago" }, { timestamp: 978_303_600_000 });
    const { message } = await zed.hears(({ message: { type } }) => type === "inform");
    expect(message.timestamp).toBe("2000-12-31T23:00:00.000Z");
    expect(Date.parse(String(message["received_at"]))).toBeGreaterThan(1_700_000_000_000);
    await zed.send("alice", "inform", "long ago, too", { timestamp: "2000-12-31T23:00:00Z" });
    const heard: NetworkFrame = await alice.hearsOf("zed", "INFORM");
    expect(heard.timestamp).toBe(978_303_600_000);
    expect(heard.metadata["receivedAt"]).toBeGreaterThan(1_700_000_000_000);
  });

  async function gone(agent: string): Promise<void> {
    for (;;) {
      const { data } = await alice.asks("agents.list");
      if (!JSON.stringify(data).includes(`"${agent}"`)) return;
    }
  }
});
