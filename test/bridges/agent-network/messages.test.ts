import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PanWire, panToken } from "../../kit/pan-wire.js";
import { networkMessage, NetworkWire } from "../../kit/network-wire.js";
import { eventually } from "../../kit/broker.js";
import { NetworkWorld } from "../../kit/network-world.js";

describe("between two agents of Agent Network", () => {
  let at: NetworkWorld;
  let alice: NetworkWire;
  let bob: NetworkWire;
  beforeEach(async () => {
    at = await NetworkWorld.start();
    [alice, bob] = [await at.login("alice"), await at.login("bob")];
  });
  afterEach(() => at.stop());

  const head =
    '"messageId":"m1","conversationId":"c1","senderId":"alice","recipientId":"bob","timestamp":1e3,"metadata":{}';

  it.each([
    ["white space", `\n{ ${head.replaceAll(",", " ,\t")},"messageType":"INFORM" , "content" : { } }\r\n`],
    ["escapes", `{${head},"messageType":"QU\\u0045RY","content":{"a":"\\u00e9\\/\\n\\ud83e\\udd80 \\ud83e"}}`],
    [
      "a sender that is spelt with escapes",
      `{${head.replace('"alice"', '"\\u0061lice"')},"messageType":"X","content":{}}`,
    ],
    ["fields of others", `{"x":null,${head},"messageType":"X","content":{},"signature":{"senderId":"eve"},"é":"🦀"}`],
    ["numbers that no reader keeps", `{${head},"messageType":"X","content":{"n":12345678901234567890.10,"m":1E400}}`],
    ["a key twice further inside", `{${head},"messageType":"X","content":{"a":1,"a":2,"senderId":"eve"}}`],
    ["60 KB", `{${head},"messageType":"ENCRYPTED","content":{"encryptedData":"${"A".repeat(60_000)}"}}`],
    ["60 KB of other letters", `{${head},"messageType":"X","content":{"text":"${"ж".repeat(30_000)}"}}`],
    ["a type that nobody knows", `{${head},"messageType":"constructor","content":{}}`],
    ["a type that the broker has", `{${head},"messageType":"CONNECTED","content":{"connectionId":"x"}}`],
    ["a heartbeat for an agent", `{${head},"messageType":"HEARTBEAT","content":{}}`],
  ])("a frame passes byte for byte, and is acknowledged: %s", async (_about, text) => {
    alice.raw(text);
    expect(await bob.hearsText(({ senderId }) => senderId === "alice")).toBe(text);
    expect(await alice.hears("ACK")).toMatchObject({ conversationId: "c1", content: { messageId: "m1" } });
  });

  it("all types of the document pass, sealed or not, old and repeated ones, too", async () => {
    const types = ["HANDSHAKE", "QUERY", "RESPONSE", "PROPOSAL", "CONFIRMATION", "REJECTION", "ENCRYPTED", "INFORM"];
    for (const messageType of types)
      for (const encrypted of [true, false])
        for (let again = 0; again < 2; again += 1) {
          const frame = networkMessage("alice", "bob", { messageType, timestamp: -1, metadata: { encrypted } });
          alice.say(frame);
          expect(await bob.hearsText(messageType)).toBe(JSON.stringify(frame));
          await alice.hears("ACK");
        }
  });

  it("an agent may speak to itself", async () => {
    alice.say(networkMessage("alice", "alice"));
    await alice.hears("INFORM");
    await alice.hears("ACK");
  });

  it.each(["bob", "system", "$broker", "Alice", "alice ", "", "x".repeat(300)])(
    "the sender is who has logged in, not %j",
    async (senderId) => {
      alice.say(networkMessage(senderId, "bob", { messageId: "forged" }));
      const error = await alice.hearsError();
      const isName = senderId !== "" && senderId.length <= 256;
      expect(error).toMatchObject({
        errorCode: isName ? "SENDER_MISMATCH" : "INVALID_MESSAGE_FORMAT",
        recoverable: false,
        details: { originalMessageId: "forged" },
      });
      expect(error).not.toHaveProperty("retryAfter");
      await bob.settled("bob");
      expect(bob.heard).toEqual([]);
    },
  );

  it("SENDER_MISMATCH holds for what is for system, too", async () => {
    for (const messageType of ["HEARTBEAT", "DISCONNECT", "QUERY", "X"]) {
      alice.say(networkMessage("bob", "system", { messageType, content: { requestId: "r", queryType: "ping" } }));
      const told = await alice.hears(({ senderId }) => senderId === "system");
      expect(JSON.stringify(told.content)).toContain(messageType === "QUERY" ? "PERMISSION_DENIED" : "SENDER_MISMATCH");
    }
    await alice.settled("alice");
  });

  it("10,000 conversations of one client are nothing to the broker", async () => {
    const fast = await NetworkWorld.start({ limits: { networkRatePerSecond: 0 } });
    try {
      const [one, other] = [await fast.login("one"), await fast.login("other")];
      for (let n = 0; n < 10_000; n += 1)
        one.say(networkMessage("one", "other", { conversationId: `conversation ${String(n)}`, messageId: String(n) }));
      await one.hears(({ messageType, content }) => messageType === "ACK" && content["messageId"] === "9999");
      await other.hears(({ messageId }) => messageId === "9999");
      expect(other.heard).toHaveLength(9_999);
    } finally {
      await fast.stop();
    }
  });
});

describe("an agent that nobody here can reach", () => {
  let at: NetworkWorld;
  let alice: NetworkWire;
  beforeEach(async () => {
    at = await NetworkWorld.start({ limits: { networkBroadcastMs: 0 } });
    alice = await at.login("alice");
  });
  afterEach(() => at.stop());

  it("is RECIPIENT_NOT_FOUND, and PRESENCE tells once when it comes", async () => {
    for (const messageType of ["INFORM", "ENCRYPTED"]) {
      alice.say(networkMessage("alice", "bob", { messageType }));
      expect(await alice.hears("ERROR")).toMatchObject({
        conversationId: "conv_1",
        senderId: "system",
        recipientId: "alice",
        content: {
          errorCode: "RECIPIENT_NOT_FOUND",
          recoverable: true,
          retryAfter: 5_000,
          details: { originalMessageId: "msg_1" },
        },
      });
    }
    const bob = await at.login("bob");
    expect((await alice.hears("PRESENCE")).content).toEqual({ agentId: "bob", status: "online" });
    bob.close();
    await bob.closed;
    await at.login("bob");
    await alice.settled("alice");
    expect(alice.heard).toEqual([]);
  });

  it("is told of in whatever dialect it comes, and only to who was told that it is away", async () => {
    const carol = await at.login("carol");
    alice.say(networkMessage("alice", "trader"));
    await alice.hears("ERROR");
    at.keep(await PanWire.login(at.at.pan, "trader", panToken(at.at.dataDir)));
    expect((await alice.hears("PRESENCE")).content).toEqual({ agentId: "trader", status: "online" });
    await carol.settled("carol");
    expect(carol.heard).toEqual([]);
  });

  it("cannot open what is sealed, if it speaks another dialect: ENCRYPTION_ERROR at once, naming it", async () => {
    const pan = at.keep(await PanWire.login(at.at.pan, "trader", panToken(at.at.dataDir)));
    const sealed = [
      { messageType: "HANDSHAKE" },
      { messageType: "ENCRYPTED" },
      { messageType: "QUERY", metadata: { encrypted: true } },
      { messageType: "PROPOSAL", metadata: { encrypted: true, priority: "HIGH" } },
    ];
    for (const more of sealed)
      for (const recipientId of ["trader", "#general", "all", "~reviewers", "system"]) {
        alice.say(networkMessage("alice", recipientId, more));
        const error = await alice.hearsError();
        expect(error).toMatchObject({ errorCode: "ENCRYPTION_ERROR", recoverable: false });
        if (recipientId === "trader") expect(error.details).toMatchObject({ dialect: "pan", recipientId: "trader" });
      }
    await pan.settled();
    expect(pan.frames).toEqual([]);
    alice.say(networkMessage("alice", "trader", { content: { text: "in plain words" } }));
    expect(await pan.hears("chat")).toMatchObject({ from: "alice", text: "in plain words" });
    expect((await alice.hears("ACK")).content).toEqual({ messageId: "msg_1" });
  });

  it("is away all the same if it is said what no other dialect could be told: nobody looks into it", async () => {
    for (const messageType of ["INFORM", "QUERY", "PROPOSAL"]) {
      alice.say(networkMessage("alice", "bob", { messageType, content: {} }));
      expect(await alice.hearsError()).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND" });
    }
  });

  it("has what is plain kept in its mailbox, and what is sealed not: that is for its session here, past the box", async () => {
    const token = await at.token("trader");
    const trader = await PanWire.open(at.at.pan);
    trader.say({ type: "auth", agentId: "trader", token, mailbox: true });
    await trader.hears("answer");
    trader.close();
    await trader.closed;
    await eventually(() => at.at.broker.status().agents === 1, "the trader is away");
    // It may come back in this dialect, and PRESENCE tells it then.
    alice.say(networkMessage("alice", "trader", { messageType: "ENCRYPTED" }));
    expect(await alice.hearsError()).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND", recoverable: true });
    alice.say(networkMessage("alice", "trader", { messageId: "kept", content: { text: "for later" } }));
    expect((await alice.hears("ACK")).content).toEqual({ messageId: "kept" });
    const here = at.keep(await NetworkWire.login(at.url, "trader", token));
    expect(await here.hears("INFORM")).toMatchObject({ messageId: "kept", content: { text: "for later" } });
    const sealed = networkMessage("alice", "trader", { messageType: "ENCRYPTED" });
    alice.say(sealed);
    expect(await here.hearsText("ENCRYPTED")).toBe(JSON.stringify(sealed));
  });

  it("has nothing kept in its mailbox that is said here, if it was last here itself, until it comes in another dialect", async () => {
    const token = await at.token("trader");
    const pan = async (login: object): Promise<void> => {
      const wire = await PanWire.open(at.at.pan);
      wire.say({ type: "auth", agentId: "trader", token, ...login });
      await wire.hears("system");
      await wire.settled();
      wire.close();
      await wire.closed;
    };
    const away = (): Promise<void> => eventually(() => at.at.broker.status().agents === 1, "the trader is away");
    await pan({ mailbox: true });
    const here = await NetworkWire.login(at.url, "trader", token);
    here.close();
    await here.closed;
    await away();
    for (const messageType of ["PROPOSAL", "INFORM", "ENCRYPTED"]) {
      alice.say(networkMessage("alice", "trader", { messageId: messageType, messageType }));
      expect(await alice.hearsError()).toMatchObject({
        errorCode: "RECIPIENT_NOT_FOUND",
        details: { originalMessageId: messageType },
      });
    }
    expect(at.at.broker.status().ledger.messages.stored).toBe(0);
    await pan({});
    await away();
    alice.say(networkMessage("alice", "trader", { messageId: "kept", content: { text: "for later" } }));
    expect((await alice.hears("ACK")).content).toEqual({ messageId: "kept" });
  });

  it.each(["$broker", "$events", "#nowhere", "x".repeat(200), "#general x"])(
    "is RECIPIENT_NOT_FOUND, though nobody waits for it: %s",
    async (recipientId) => {
      alice.say(networkMessage("alice", recipientId));
      expect(await alice.hearsError()).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND" });
    },
  );
});
