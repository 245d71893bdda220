import { describe, expect, it } from "vitest";
import { Message, principal, type Arrival, type Envelope } from "../../src/core/index.js";

const arrival: Arrival = { topic: "ada", receivedAt: Date.parse("2026-02-03T04:05:06Z"), trust: "shared", origin: {} };
const envelope: Envelope = {
  message_id: "1",
  timestamp: "2026-02-03T04:05:06Z",
  from: "bob",
  to: "ada",
  type: "inform",
  priority: "NORMAL",
  content: { message: "hi" },
  trust: "shared",
};
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe("a message", () => {
  it("from an envelope has that envelope, and its JSON as payload, written once", () => {
    const message = Message.of(envelope, arrival);
    expect(message.envelope).toBe(envelope);
    expect(JSON.parse(String(message.payload))).toEqual(envelope);
    expect(message.payload).toBe(message.payload);
  });

  it("from bytes has these bytes, and the envelope that they hold, read once", () => {
    const payload = bytes({
      from: "bob",
      type: "inform",
      message_id: "1",
      timestamp: "2026-02-03T04:05:06Z",
      content: "hi",
    });
    const message = Message.fromPayload(payload, arrival);
    expect(message.payload).toBe(payload);
    expect(message.envelope).toEqual(envelope);
    expect(message.envelope).toBe(message.envelope);
    expect(message.problem).toBeUndefined();
  });

  it("goes to its topic, whatever the payload says", () => {
    expect(Message.fromPayload(bytes({ from: "bob", type: "inform", to: "eve" }), arrival).envelope?.to).toBe("ada");
  });

  it("has the trust of its arrival, not the one it claims", () => {
    expect(Message.fromPayload(bytes({ from: "bob", type: "inform", trust: "proved" }), arrival).envelope?.trust).toBe(
      "shared",
    );
  });

  it.each([
    ["UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
    ["JSON", Buffer.from("")],
    ["JSON", Buffer.from('{"from":"bob","type":"inform","x":NaN}')],
    ["twice", Buffer.from('{"from":"bob","type":"inform","from":"eve"}')],
    ["deeper", Buffer.from(`{"from":"bob","type":"inform","x":${"[".repeat(100)}${"]".repeat(100)}}`)],
    ["from", Buffer.from('{"type":"inform"}')],
    ["object", Buffer.from("[]")],
  ])("that cannot be read says why: %s", (why, payload) => {
    const message = Message.fromPayload(payload, arrival);
    expect(message.envelope).toBeUndefined();
    expect(message.problem).toContain(why);
    expect(message.payload).toBe(payload);
  });

  it("that is kept outlives its bytes, which are copied once", () => {
    const payload = bytes({ from: "bob", type: "inform", content: "hi" });
    const kept = Message.fromPayload(payload, arrival).keep();
    const copy = kept.keep().payload;
    payload.fill(0);
    expect(kept.payload).toBe(copy);
    expect(kept.envelope?.content.message).toBe("hi");
  });

  it("is handed on with its arrival's trust in place of its sender's word, also after its bytes were kept", () => {
    const forged = (trust: Arrival["trust"]): Message =>
      Message.fromPayload(bytes({ from: "bob", trust: "proved", replay: true, type: "inform" }), { ...arrival, trust });
    expect(JSON.parse(String(forged("claimed").stampedPayload))).toEqual({ from: "bob", type: "inform" });
    expect(JSON.parse(String(forged("shared").stampedPayload))).toEqual({
      trust: "shared",
      from: "bob",
      type: "inform",
    });
    expect(Message.of(envelope, arrival).stampedPayload.toString()).toBe(JSON.stringify(envelope));
    const payload = bytes({ from: "bob", type: "inform" });
    const message = Message.fromPayload(payload, { ...arrival, trust: "claimed" });
    expect(message.stampedPayload).toBe(payload);
    message.keep();
    payload.fill(0);
    expect(JSON.parse(String(message.stampedPayload))).toEqual({ from: "bob", type: "inform" });
  });

  it("can be told what it answers, before it is handed on", () => {
    const bare = { from: "bob", type: "response", in_reply_to: null, content: "hi" };
    const message = Message.fromPayload(bytes(bare), arrival);
    expect(message.answer('q "1"').in_reply_to).toBe('q "1"');
    expect(message.envelope?.in_reply_to).toBe('q "1"');
    expect(JSON.parse(String(message.stampedPayload))).toEqual({ ...bare, in_reply_to: 'q "1"', trust: "shared" });
    const own = Message.of({ ...envelope, type: "response" }, arrival);
    expect(JSON.parse(String(own.payload))).not.toHaveProperty("in_reply_to");
    own.answer("q1");
    expect(JSON.parse(String(own.stampedPayload))).toMatchObject({ in_reply_to: "q1" });
    expect(() => Message.fromPayload(Buffer.from("{"), arrival).answer("q1")).toThrow("envelope");
  });

  it("out of what was kept has the trust and the time of its arrival, and the broker's marks", () => {
    const marks = { stored_at: "2026-02-03T04:05:06.000Z", delivery_id: "b7", attempt: 1 };
    const came =
      '{ "from":"bob","type":"response","message_id":"1","trust":"proved","$broker":{"attempt":9},"n":1.50 } ';
    const payload = Buffer.from(`..${came}`).subarray(2);
    const message = Message.kept(new Uint8Array(payload), arrival, marks);
    expect(message.envelope).toEqual({
      ...envelope,
      timestamp: "2026-02-03T04:05:06.000Z",
      type: "response",
      content: { message: "" },
      $broker: marks,
      other: { n: 1.5 },
    });
    expect([message.receivedAt, message.trust, message.origin]).toEqual([
      arrival.receivedAt,
      arrival.trust,
      arrival.origin,
    ]);
    expect(message.payload.toString()).toBe(came);
    const broker = `"trust":"shared","$broker":${JSON.stringify(marks)}`;
    expect(message.stampedPayload.toString()).toBe(
      `{${broker}, "from":"bob","type":"response","message_id":"1","n":1.50 }`,
    );
    expect(message.answer("q1")).toMatchObject({ in_reply_to: "q1", $broker: marks });
    expect(JSON.parse(String(message.stampedPayload))).toMatchObject({ in_reply_to: "q1", $broker: marks });
  });

  it("out of what was kept is not copied when it is held, and reads what was written for subscribers as well", () => {
    const sent = Message.of({ ...envelope, type: "response" }, arrival);
    sent.answer("q1");
    const message = Message.kept(sent.stampedPayload, arrival, { attempt: 1 });
    expect(message.keep().payload.buffer).toBe(sent.stampedPayload.buffer);
    expect(message.envelope).toEqual({ ...sent.envelope, $broker: { attempt: 1 } });
    expect(JSON.parse(String(message.stampedPayload))).toEqual({ ...sent.envelope, $broker: { attempt: 1 } });
    expect(Message.kept(Buffer.from("{"), arrival, {}).problem).toContain("JSON");
  });

  it("is handed on without halves of characters once it was read", () => {
    const half = '{"from":"bob","type":"inform","content":{"message":"\\ud83d","\\uDE00":["\\ud83d\\ude00"]}}';
    const message = Message.fromPayload(Buffer.from(half), { ...arrival, trust: "claimed" });
    expect(message.envelope?.content).toEqual({ message: "\ufffd", "\ufffd": ["😀"] });
    expect(JSON.parse(String(message.stampedPayload))).toMatchObject({ content: message.envelope?.content });
  });

  it("that is kept but came from an envelope is not copied", () => {
    const message = Message.of(envelope, arrival);
    const { payload } = message;
    expect(message.keep().payload).toBe(payload);
  });

  it("knows its speaker, its size and where it came from", () => {
    const speaker = principal("bob", "shared");
    const message = Message.fromPayload(Buffer.from("12345"), { ...arrival, speaker });
    expect([message.speaker, message.origin, message.size]).toEqual([speaker, arrival.origin, 8]);
    expect(Message.of(envelope, arrival).speaker).toBeUndefined();
  });
});
