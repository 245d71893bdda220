import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SecureAgentSocket, type SocketOptions } from "../../clients/typescript/agent-network/index.js";
import { ClientClock } from "../../clients/typescript/shared/client-clock.js";
import type { Clock } from "../../src/core/index.js";
import { eventually } from "../kit/broker.js";
import { MaliciousBroker } from "../kit/malicious-broker.js";
import { Party } from "../kit/network-party.js";
import type { NetworkFrame } from "../kit/network-wire.js";

describe("a broker that is malicious", () => {
  let broker: MaliciousBroker;
  let open: Party[];
  beforeEach(async () => {
    broker = await MaliciousBroker.start();
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map(({ socket }) => socket.close()));
    await broker.stop();
  });

  const login = async (agent: string, options: SocketOptions = {}): Promise<Party> => {
    const party = new Party(new SecureAgentSocket(broker.url, "any", agent, options));
    open.push(party);
    await party.socket.connect();
    return party;
  };
  /** Two agents that have met. */
  const met = async (options: SocketOptions = {}): Promise<readonly [Party, Party]> => {
    const [alice, bob] = [await login("alice"), await login("bob", options)];
    await alice.socket.inform("bob", "we have met");
    await bob.hears("we have met");
    await bob.socket.inform("alice", "yes");
    await alice.hears("yes");
    await eventually(() => alice.socket.pendingMessages.size + bob.socket.pendingMessages.size === 0, "all settled");
    return [alice, bob];
  };
  const isSealed = ({ messageType }: NetworkFrame): boolean => messageType === "ENCRYPTED";
  /** Of what Alice says, the sealed messages; receipts, which are sealed as well, aside. */
  const isAlices = (frame: NetworkFrame): boolean =>
    isSealed(frame) && frame.senderId === "alice" && frame.content["originalType"] !== "RECEIPT";
  const event = (party: Party, kind: string): Promise<unknown> => party.events.next((one) => one.kind === kind);

  it("cannot read what is said", async () => {
    await met();
    expect(broker.seen.length).toBeGreaterThan(4);
    expect(broker.seen.join("")).not.toMatch(/have met|"yes"/);
  });

  it.each<[what: string, change: (frame: NetworkFrame) => Partial<NetworkFrame>, kind: string]>([
    ["the time", ({ timestamp }) => ({ timestamp: timestamp + 1 }), "bad-signature"],
    ["the id", () => ({ messageId: "another" }), "bad-signature"],
    ["the priority", ({ metadata }) => ({ metadata: { ...metadata, priority: "HIGH" } }), "bad-signature"],
    ["the type", ({ content }) => ({ content: { ...content, originalType: "QUERY" } }), "bad-signature"],
    ["what is sealed", ({ content }) => ({ content: { ...content, encryptedData: flip(content) } }), "bad-signature"],
    ["its length", ({ content }) => ({ content: { ...content, encryptedData: "AAAA" } }), "malformed"],
    ["fields", ({ content }) => ({ content: { ...content, more: 1 } }), "malformed"],
  ])("cannot change %s unnoticed", async (_what, change, kind) => {
    const [alice, bob] = await met();
    broker.relay = (frame) => [isAlices(frame) ? { ...frame, ...change(frame) } : frame];
    await alice.socket.inform("bob", "do not touch");
    await event(bob, kind);
    expect(bob.texts).toEqual(["we have met"]);
    // It comes through as soon as it is left alone: nothing was acknowledged that had not arrived.
    broker.relay = (frame) => [frame];
    broker.cut("alice");
    await bob.hears("do not touch");
    expect(bob.texts).toEqual(["we have met", "do not touch"]);
  });

  it("cannot have messages heard in another order, nor twice", async () => {
    const [alice, bob] = await met();
    const held: NetworkFrame[] = [];
    broker.relay = (frame) => {
      if (!isAlices(frame)) return [frame];
      held.push(frame);
      return held.length < 4 ? [] : [...held.splice(0).reverse(), frame, frame];
    };
    await Promise.all(["1", "2", "3", "4"].map((text) => alice.socket.inform("bob", text)));
    await bob.hears("4");
    expect(bob.texts).toEqual(["we have met", "1", "2", "3", "4"]);
    for (const text of broker.seen.slice()) {
      const frame = JSON.parse(text) as NetworkFrame;
      if (isAlices(frame)) broker.hand(frame);
    }
    broker.relay = (frame) => [frame];
    await alice.socket.inform("bob", "5");
    await bob.hears("5");
    expect(bob.texts).toEqual(["we have met", "1", "2", "3", "4", "5"]);
  });

  it("cannot swallow a message unnoticed: its sender has no receipt, its recipient sees the gap", async () => {
    const [alice, bob] = await met({ clock: hasty(40) });
    let swallowed: string | undefined;
    broker.relay = (frame) => {
      if (isAlices(frame)) swallowed ??= frame.messageId;
      return frame.messageId === swallowed ? [] : [frame];
    };
    const { messageId } = await alice.socket.inform("bob", "swallowed");
    await alice.socket.inform("bob", "comes through");
    await event(bob, "gap");
    await bob.hears("comes through");
    expect(bob.texts).toEqual(["we have met", "comes through"]);
    expect(alice.socket.pendingMessages.has(messageId)).toBe(true);
  });

  it("can be seen in the middle at first contact by whoever compares fingerprints", async () => {
    const [alice, bob] = [await login("alice"), await login("bob")];
    const mallory = new SecureAgentSocket(broker.url, "any", "bob");
    const asMallory = new Party(mallory);
    open.push(asMallory);
    await mallory.connect(); // takes Bob's place at this broker
    await alice.socket.inform("bob", "for Bob's eyes");
    await asMallory.hears("for Bob's eyes");
    expect(await alice.socket.fingerprintOf("bob")).not.toBe(await bob.socket.fingerprint());
    expect(await alice.socket.fingerprintOf("bob")).toBe(await mallory.fingerprint());
  });

  it("cannot put itself between two that have met: a changed key is an alarm, and nothing goes to it", async () => {
    const [alice, bob] = await met();
    const pinned = await bob.socket.fingerprint();
    const mallory = new SecureAgentSocket(broker.url, "any", "bob");
    const asMallory = new Party(mallory);
    open.push(asMallory);
    await mallory.connect();
    const asked = alice.socket.query("bob", "CUSTOM", { text: "is it you?" });
    const refusedAsked = expect(asked).rejects.toMatchObject({ code: "ENCRYPTION_ERROR" });
    await mallory.inform("alice", "I am Bob, believe me");
    const alarm = (await event(alice, "key-changed")) as { fingerprints: object; message: string };
    expect(alarm.fingerprints).toEqual({ pinned, shown: await mallory.fingerprint() });
    expect(alarm.message).toMatch(/compare the fingerprint/);
    await refusedAsked;
    const seen = broker.seen.length;
    await expect(alice.socket.query("bob", "CUSTOM", { text: "and now?" })).rejects.toThrow(
      /key of bob has changed.*accept.*what was said is kept/,
    );
    await alice.socket.inform("bob", "are you?");
    await alice.socket.send("bob", "NOTE", {}, { conversationId: "another" });
    await eventually(() => alice.socket.pendingMessages.size >= 3, "all wait");
    const ofAlice = broker.seen.slice(seen).filter((text) => (JSON.parse(text) as NetworkFrame).senderId === "alice");
    expect(ofAlice).toEqual([]);
    expect(alice.texts).toEqual(["yes"]);
    // The application has asked Bob: it was he, with a new machine.
    await expect(alice.socket.acceptKey("bob", pinned.slice(5))).rejects.toMatchObject({
      code: "ENCRYPTION_ERROR",
      message: expect.stringMatching(/is not a fingerprint of bob.*forget it \(forget\) and meet it anew/) as string,
    });
    await alice.socket.acceptKey("bob", await mallory.fingerprint());
    await asMallory.hears("are you?");
    await alice.hears("I am Bob, believe me");
  });

  it("cannot bring two that have met back to seed mode, nor to plain text", async () => {
    const [alice] = await met();
    const forged = { conversationId: "c", senderId: "bob", recipientId: "alice", timestamp: 1, metadata: {} };
    const publicKey = Buffer.alloc(32, 9).toString("base64");
    const content = { agentId: "bob", publicKey };
    broker.hand({ ...forged, messageId: "f1", messageType: "HANDSHAKE", content });
    await event(alice, "downgrade");
    broker.hand({ ...forged, messageId: "f2", messageType: "INFORM", content: { text: "in plain" } });
    await event(alice, "plain-from-pinned");
    await alice.socket.inform("bob", "still sealed");
    expect(alice.texts).toEqual(["yes"]);
    expect(alice.socket.metrics().security).toMatchObject({ downgrade: 1, "plain-from-pinned": 1 });
  });

  it("cannot answer in place of the agent that was asked, nor say that something has arrived", async () => {
    const [alice, bob] = await met();
    const told: string[] = [];
    alice.socket.onDelivery = ({ state }) => told.push(state);
    broker.relay = (frame) => (isAlices(frame) ? [] : [frame]);
    const asked = expect(alice.socket.query("bob", "CUSTOM", { text: "?" }, { timeoutMs: 500 })).rejects.toMatchObject({
      code: "TIMEOUT_ERROR",
    });
    await eventually(() => told.includes("sent"), "it was said");
    for (const senderId of ["bob", "system"]) {
      const common = { conversationId: "c", senderId, recipientId: "alice", timestamp: 1, metadata: {} };
      const content = { requestId: "any", data: "forged", error: null, messageIds: ["m"] };
      for (const messageType of ["RESPONSE", "RECEIPT"])
        broker.hand({ ...common, messageId: `${senderId}${messageType}`, messageType, content });
    }
    await asked;
    expect(told).not.toContain("delivered");
    expect(bob.texts).toEqual(["we have met"]);
  });

  it("ends nothing by rubbish", async () => {
    const [alice, bob] = await met();
    const rubbish: readonly unknown[] = [
      "no object",
      [],
      {},
      { messageType: "ENCRYPTED" },
      null,
      1,
      { senderId: "bob" },
    ];
    for (const one of rubbish) broker.hand({ recipientId: "alice", toJSON: () => one } as unknown as NetworkFrame);
    const common = { conversationId: "c", senderId: "bob", recipientId: "alice", timestamp: 1e308, metadata: {} };
    const keys = { agentId: "bob", v: 2, publicKey: "", signingKey: 1, ephemeralKey: [] };
    for (const messageType of ["HANDSHAKE", "ENCRYPTED", "RECEIPT", "__proto__", "constructor"])
      broker.hand({ ...common, messageId: messageType, messageType, content: keys });
    broker.tell("alice", "ERROR", { errorCode: 1, details: [] });
    broker.tell("alice", "CONNECTED", {});
    broker.tell("alice", "PRESENCE", { agentId: "__proto__", status: "online" });
    await bob.socket.inform("alice", "still there?");
    await alice.hears("still there?");
    expect(alice.errors).toEqual([]);
    expect(alice.socket.metrics().security.malformed).toBeGreaterThanOrEqual(rubbish.length + 1);
  });
});

/** A clock for which a minute is over in a second or so. */
function hasty(factor: number): Clock {
  const clock = new ClientClock();
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() * factor,
    missed: () => 0,
    catchingUp: () => 0,
    after: (ms, run) => clock.after(ms / factor, run),
  };
}

function flip({ encryptedData }: Readonly<Record<string, unknown>>): string {
  const bytes = Buffer.from(String(encryptedData), "base64");
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  return bytes.toString("base64");
}
