import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  contentProblem,
  contents,
  isKnownType,
  parametersProblem,
  readContent,
} from "../../../clients/typescript/agent-network/contents.js";
import { heardMax, parseFrame, utf8Length, writeFrame } from "../../../clients/typescript/agent-network/frames.js";
import { readSystem, type SystemFrame } from "../../../clients/typescript/agent-network/system-frames.js";
import { networkMessage } from "../../kit/network-wire.js";

const read = (messageType: string, content: object): SystemFrame =>
  readSystem(networkMessage("system", "ada", { messageType, content: { ...content } }));

describe("a frame", () => {
  it("is read as it was written, its eight fields and no other", () => {
    const frame = networkMessage("ada", "bob", { metadata: { priority: "HIGH", colour: "red" } });
    expect(parseFrame(writeFrame(frame))).toEqual({ frame });
    expect(parseFrame(JSON.stringify({ ...frame, more: 1 }))).toEqual({ frame });
  });

  it.each([
    ["no JSON", "{", /no JSON/],
    ["no object", "[]", /no object/],
    ["without an id", JSON.stringify({ ...networkMessage("a", "b"), messageId: "" }), /messageId/],
    ["with a time that is none", JSON.stringify({ ...networkMessage("a", "b"), timestamp: "now" }), /timestamp/],
    ["with a list as content", JSON.stringify({ ...networkMessage("a", "b"), content: [] }), /content is no object/],
    ["that is endless", JSON.stringify({ x: "x".repeat(heardMax) }), /characters, 1048576 at most/],
  ])("%s is dropped, and it is said why", (_what, text, why) => {
    expect(parseFrame(text)).toEqual({ problem: expect.stringMatching(why) as string });
  });

  it("never throws, whatever a stranger has written", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        parseFrame(text);
      }),
    );
  });

  it("has as many bytes as UTF-8 says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(utf8Length(text)).toBe(Buffer.byteLength(text));
      }),
    );
    expect(utf8Length("\ud800")).toBe(3);
  });
});

describe("what the broker says", () => {
  it("is read by its type", () => {
    expect(
      read("CONNECTED", { connectionId: "c", heartbeatInterval: 5_000, serverTime: 1, messagesPerSecond: 10 }),
    ).toEqual({
      type: "CONNECTED",
      connected: { connectionId: "c", heartbeatInterval: 5_000, serverTime: 1, messagesPerSecond: 10 },
    });
    expect(read("ACK", { messageId: "m" })).toEqual({ type: "ACK", messageId: "m" });
    expect(read("PRESENCE", { agentId: "bob", status: "online" })).toMatchObject({ agentId: "bob" });
    expect(read("RESPONSE", { requestId: "r", data: null, error: { code: "X", message: "no" } })).toMatchObject({
      answer: { error: { code: "X", message: "no", details: {} } },
    });
    expect(
      read("ERROR", {
        errorCode: "TIMEOUT_ERROR",
        message: "m",
        details: { originalMessageId: "o" },
        recoverable: true,
      }),
    ).toMatchObject({ originalMessageId: "o", refusal: { errorCode: "TIMEOUT_ERROR", recoverable: true } });
    expect(read("ROOM_NEWS", {})).toEqual({ type: "other" });
  });

  it("can neither make heartbeats a flood nor have a message wait for years", () => {
    const connected = { connectionId: "c", serverTime: 1 };
    expect(read("CONNECTED", { ...connected, heartbeatInterval: 0 })).toMatchObject({
      connected: { heartbeatInterval: 1_000 },
    });
    expect(read("CONNECTED", { ...connected, heartbeatInterval: 1e12 })).toMatchObject({
      connected: { heartbeatInterval: 600_000 },
    });
    expect(read("CONNECTED", { ...connected, heartbeatInterval: "soon", messagesPerSecond: -1 })).toMatchObject({
      connected: { heartbeatInterval: 30_000, messagesPerSecond: undefined },
    });
    expect(read("ERROR", { errorCode: "SERVER_ERROR", retryAfter: 1e15 })).toMatchObject({
      refusal: { retryAfter: 3_600_000, recoverable: false },
    });
  });

  it("never throws", () => {
    const types = ["CONNECTED", "ACK", "HEARTBEAT", "PRESENCE", "RESPONSE", "ERROR", "other"];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.dictionary(fc.string(), fc.anything()), (type, content) => {
        read(type, content);
      }),
    );
  });
});

describe("contents", () => {
  const document: Readonly<Record<string, object>> = {
    QUERY: {
      requestId: "req_123",
      queryType: "AVAILABILITY",
      parameters: { startDate: "2023-06-01T00:00:00Z", endDate: "2023-06-07T23:59:59Z", timeZone: "America/New_York" },
    },
    RESPONSE: { requestId: "req_123", data: { availableTimes: ["2023-06-01T14:00:00Z"] }, error: null },
    PROPOSAL: {
      proposalId: "prop_123",
      details: {
        title: "Coffee Meeting",
        startTime: "2023-06-01T15:00:00Z",
        endTime: "2023-06-01T16:00:00Z",
        location: {
          name: "Blue Bottle Coffee",
          locationType: "COFFEE_SHOP",
          coordinates: { latitude: 37.7749, longitude: -122.4194 },
        },
        meetingType: "COFFEE",
        participants: ["agent_alice", "agent_bob"],
        status: "PENDING",
        expiresAt: 1_622_635_200_000,
      },
    },
    CONFIRMATION: { proposalId: "prop_123", status: "ACCEPTED", calendarEventId: "evt_456" },
    REJECTION: { proposalId: "prop_123", reason: "SCHEDULE_CONFLICT", details: "another meeting" },
    HEARTBEAT: { timestamp: 1_622_549_300_000 },
    INFORM: { text: "hello" },
  };

  it.each(Object.keys(contents))("%s of the document is read as it is, with keys that nobody knows", (type) => {
    const content = { ...document[type], more: 1 };
    if (!isKnownType(type)) throw new Error(`${type} is unknown`);
    expect(readContent(type, content)).toEqual({ content });
    expect(contentProblem(type, content)).toBeUndefined();
  });

  it.each([
    ["QUERY", { requestId: "r", queryType: "X" }, /QUERY: content\.parameters/],
    ["PROPOSAL", { proposalId: "p", details: { startTime: "soon" } }, /content\.details\.startTime.*is no time/],
    ["PROPOSAL", { proposalId: "p", details: { status: "MAYBE" } }, /content\.details\.status/],
    [
      "PROPOSAL",
      { proposalId: "p", details: { location: { coordinates: { latitude: 91, longitude: 0 } } } },
      /latitude/,
    ],
    ["CONFIRMATION", { proposalId: "p", status: "MAYBE" }, /status/],
    ["REJECTION", { proposalId: "p", reason: "NO" }, /reason/],
    ["REJECTION", { proposalId: "p", reason: "OTHER" }, /says in details why/],
  ])("%s %j is refused, naming the field", (type, content, why) => {
    expect(contentProblem(type, content as Record<string, unknown>)).toMatch(why);
  });

  it("of types and kinds that nobody knows may be anything", () => {
    expect(contentProblem("WEATHER", { degrees: 24 })).toBeUndefined();
    expect(contentProblem("__proto__", {})).toBeUndefined();
    expect(parametersProblem("constructor", {})).toBeUndefined();
    expect(parametersProblem("AVAILABILITY", { startDate: "2030-06-01" })).toMatch(/endDate/);
  });
});
