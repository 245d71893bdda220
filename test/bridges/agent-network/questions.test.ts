import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { codes } from "../../../bridges/agent-network/errors.js";
import { answerCodes } from "../../../bridges/agent-network/question.js";
import { faultCodes } from "../../../src/dialect/index.js";
import { networkMessage, type NetworkWire } from "../../kit/network-wire.js";
import { NetworkWorld } from "../../kit/network-world.js";

const page = readFileSync(new URL("../../../docs/protocols/agent-network.md", import.meta.url), "utf8");

describe("a question to system", () => {
  let at: NetworkWorld;
  let alice: NetworkWire;
  beforeEach(async () => {
    at = await NetworkWorld.start();
    alice = await at.login("alice");
  });
  afterEach(() => at.stop());

  it("is answered by a RESPONSE in its conversation, with all eight fields", async () => {
    const content = { requestId: "req_1", queryType: "agents.list", parameters: {} };
    alice.say(networkMessage("alice", "system", { messageType: "QUERY", conversationId: "mine", content }));
    const answer = await alice.hears("RESPONSE");
    expect(answer).toMatchObject({
      conversationId: "mine",
      senderId: "system",
      recipientId: "alice",
      content: { requestId: "req_1", kind: "agents.list", error: null, data: { agents: [{ name: "alice" }] } },
    });
    expect(Object.keys(answer).sort()).toEqual(Object.keys(networkMessage("a", "b")).sort());
    await alice.settled("alice");
    expect(alice.heard).toEqual([]); // no ACK
  });

  it("joins and leaves rooms by the document's words and by the desk's", async () => {
    const bob = await at.login("bob");
    for (const [join, leave] of [
      ["ROOM_JOIN", "ROOM_LEAVE"],
      ["room.join", "room.leave"],
    ] as const) {
      await bob.asks("bob", join, { room: "#lab" });
      const joined = await alice.asks("alice", join, { room: "#lab" });
      expect(joined).toMatchObject({ data: { room: "#lab", members: ["alice", "bob"] }, error: null });
      bob.say(networkMessage("bob", "#lab", { content: { text: "to the room" } }));
      expect(await alice.hears("INFORM")).toMatchObject({ senderId: "bob", recipientId: "#lab" });
      await bob.hears("ACK");
      expect(await alice.asks("alice", leave, { room: "#lab" })).toMatchObject({ data: { room: "#lab" }, error: null });
      await bob.asks("bob", leave, { room: "#lab" });
    }
  });

  it("has a room's past behind its answer, marked as such", async () => {
    await alice.asks("alice", "ROOM_JOIN", { room: "#lab" });
    alice.say(networkMessage("alice", "#lab", { content: { text: "before" } }));
    await alice.hears("ACK");
    const bob = await at.login("bob");
    await bob.asks("bob", "ROOM_JOIN", { room: "#lab", history: 5 });
    const past = await bob.hears("INFORM");
    expect(past).toMatchObject({ senderId: "alice", recipientId: "#lab", metadata: { replay: true } });
  });

  it.each<[string, unknown, string]>([
    ["constructor", undefined, "INVALID_PARAMETERS"],
    ["AVAILABILITY", {}, "INVALID_PARAMETERS"],
    ["ROOM_JOIN", { room: 7 }, "INVALID_PARAMETERS"],
    ["ROOM_JOIN", undefined, "INVALID_PARAMETERS"],
    ["room.members", { room: "#nowhere" }, "UNAVAILABLE_DATA"],
    ["broker.status", undefined, "PERMISSION_DENIED"],
    ["mailbox.open", {}, "INVALID_PARAMETERS"],
  ])("%s %j that is refused is answered with an error: %s", async (queryType, parameters, code) => {
    const answer = await alice.asks("alice", queryType, parameters as object | undefined);
    expect(answer).toMatchObject({
      data: null,
      error: { code, details: { originalMessageId: "msg_1", recoverable: code === "UNAVAILABLE_DATA" } },
    });
    await alice.settled("alice");
    expect(alice.heard).toEqual([]);
  });

  it.each<[string, object]>([
    ["no requestId", { messageType: "QUERY", content: { queryType: "ping" } }],
    ["a requestId that is a number", { messageType: "QUERY", content: { requestId: 7, queryType: "ping" } }],
    ["a huge requestId", { messageType: "QUERY", content: { requestId: "x".repeat(300), queryType: "ping" } }],
    ["a key of content twice", { messageType: "QUERY" }],
    ["another type", { messageType: "PROPOSAL", content: { requestId: "r", queryType: "ping" } }],
  ])("with %s is INVALID_MESSAGE_FORMAT", async (about, more) => {
    const text = JSON.stringify(networkMessage("alice", "system", { ...more, messageId: "wrong" }));
    alice.raw(about === "a key of content twice" ? text.replace('{"text"', '{"a":1,"a":2,"text"') : text);
    expect(await alice.hearsError()).toMatchObject({
      errorCode: "INVALID_MESSAGE_FORMAT",
      details: { originalMessageId: "wrong" },
    });
  });

  it("of a flood is RATE_LIMIT_EXCEEDED in its RESPONSE", async () => {
    for (let n = 0; n < 250; n += 1)
      alice.say(
        networkMessage("alice", "system", {
          messageType: "QUERY",
          content: { requestId: String(n), queryType: "ping" },
        }),
      );
    const refused = await alice.hears(({ content }) => content["error"] !== null && content["error"] !== undefined);
    expect(refused.content["error"]).toMatchObject({ code: "RATE_LIMIT_EXCEEDED", details: { recoverable: true } });
  });
});

describe("docs/protocols/agent-network.md", () => {
  it("has the faults as the code has them", () => {
    const rows = [...page.matchAll(/^\| ([a-z-]+)\s+\| ([A-Z_]+|close \d+)\s+\| (yes|no|)\s*\| (.*?)\s*\|$/gm)];
    const told = rows.map(([, fault = "", code = "", again = "", after = ""]) => [
      fault,
      code.startsWith("close") ? code : [code, again === "yes" ? Number(/\d+$/.exec(after)?.[0]) : undefined],
    ]);
    const closing: Readonly<Record<string, string>> = { "slow-consumer": "close 1013", "going-away": "close 1001" };
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries(
        faultCodes.map((code) => [code, closing[code] ?? [codes[code].errorCode, codes[code].retryAfterMs]]),
      ),
    );
  });

  it("has the errors of answers as the code has them", () => {
    const [, clause = ""] = /\*\*5\.3\*\*([^]*?)\n\n/.exec(page) ?? [];
    const told = [...clause.replace(/\s+/g, " ").matchAll(/([a-z][a-z, -]+) → `([A-Z_]+)`/g)].flatMap(
      ([, faults = "", code = ""]) => faults.split(",").map((fault) => [fault.trim(), code]),
    );
    // These two close the connection.
    const said = Object.entries(answerCodes).filter(([code]) => !["slow-consumer", "going-away"].includes(code));
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(said));
  });
});
