import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isExpired,
  readEnvelope,
  readPriority,
  receiptWords,
  writeEnvelope,
  type Envelope,
  type ReadContext,
} from "../../src/core/index.js";

const receivedAt = Date.parse("2026-02-03T04:05:06.789Z");
const context: ReadContext = { topic: "claude_code", receivedAt, fallbackId: "fallback", trust: "claimed" };
const seed = {
  message_id: "1",
  timestamp: "2026-02-03T04:05:06Z",
  from: "py",
  to: "claude_code",
  type: "request",
  priority: "NORMAL",
  content: { message: "hello" },
};

function read(value: unknown): Envelope {
  const reading = readEnvelope(value, context);
  if ("problem" in reading) throw new Error(reading.problem);
  return reading.envelope;
}

function problem(value: unknown): string | undefined {
  const reading = readEnvelope(value, context);
  return "problem" in reading ? reading.problem : undefined;
}

describe("a foreign agent's payload", () => {
  it("of the document's form is taken field by field", () => {
    expect(read(seed)).toEqual({ ...seed, trust: "claimed" });
  });

  it("needs a sender and a type, and nothing else", () => {
    expect(read({ from: "py", type: "inform" })).toEqual({
      message_id: "fallback",
      timestamp: "2026-02-03T04:05:06.789Z",
      from: "py",
      to: "claude_code",
      type: "inform",
      priority: "NORMAL",
      content: { message: "" },
      trust: "claimed",
    });
  });

  it.each([
    ["no JSON object", 1],
    ["no JSON object", "text"],
    ["no JSON object", null],
    ["no JSON object", []],
    ["from", {}],
    ["from", { ...seed, from: "" }],
    ["from", { ...seed, from: 7 }],
    ["from", { ...seed, from: null }],
    ["type", { ...seed, type: undefined }],
    ["type", { ...seed, type: "constructor" }],
    ["type", { ...seed, type: "__proto__" }],
    ["type", { ...seed, type: ["request"] }],
  ])("is refused with the wrong field named: %s", (field, value) => {
    expect(problem(value)).toContain(field);
  });

  it.each(["REQUEST", "Request", "request"])("may spell its type %s", (type) => {
    expect(read({ ...seed, type }).type).toBe("request");
  });

  it("may count its ids and times with numbers", () => {
    expect(read({ ...seed, message_id: 17, timestamp: 1_770_000_000, in_reply_to: 16 })).toMatchObject({
      message_id: "17",
      timestamp: "1770000000",
      in_reply_to: "16",
    });
  });

  it("may say null for what it has not", () => {
    const envelope = read({
      ...seed,
      in_reply_to: null,
      conversation_id: null,
      expires_at: null,
      from_name: null,
      hops: null,
    });
    expect(Object.keys(envelope)).toEqual([...Object.keys(seed), "trust"]);
  });

  it.each<[unknown, Envelope["content"]]>([
    ["just text", { message: "just text" }],
    [null, { message: "" }],
    [42, { message: "42", data: 42 }],
    [[1, 2], { message: "[1,2]", data: [1, 2] }],
    [{ text: "x" }, { message: '{"text":"x"}', text: "x" }],
    [
      { message: 5, kind: "k" },
      { message: "5", kind: "k" },
    ],
    [{ message: { a: 1 } }, { message: '{"a":1}' }],
    [
      { message: "m", kind: 7, data: [1], extra: true },
      { message: "m", kind: "7", data: [1], extra: true },
    ],
  ])("may say %j as its content, and there is always text to read", (content, expected) => {
    expect(read({ ...seed, content }).content).toEqual(expected);
  });

  it("goes where its topic says, whatever its to says", () => {
    for (const to of ["somebody else", 7, null, undefined]) expect(read({ ...seed, to }).to).toBe("claude_code");
  });

  it("cannot set what the broker alone sets", () => {
    const envelope = read({ ...seed, trust: "proved", received_at: "x", replay: true });
    expect(envelope.trust).toBe("claimed");
    expect(envelope).not.toHaveProperty("received_at");
    expect(envelope).not.toHaveProperty("replay");
    expect(envelope).not.toHaveProperty("other");
  });

  it("keeps top-level keys that we do not know, in both directions", () => {
    const envelope = read({ ...seed, mood: "good", constructor: 1 });
    expect(envelope.other).toEqual({ mood: "good", constructor: 1 });
    expect(JSON.parse(writeEnvelope(envelope))).toEqual({ ...seed, mood: "good", constructor: 1, trust: "claimed" });
  });

  it.each([
    ["2026-02-03T04:05:06", true], // Python's datetime.now().isoformat(): no zone
    ["2026-02-03 04:05:06.123456", true],
    ["yesterday", true],
    ["2026-02-05T04:05:06Z", true],
    ["2026-02-03T04:05:06+01:00", false],
    ["2026-02-03T04:05:06.123456Z", false],
  ])("with the time %s is kept as sent, with our own beside it: %s", (timestamp, beside) => {
    const envelope = read({ ...seed, timestamp });
    expect(envelope.timestamp).toBe(timestamp);
    expect(envelope.received_at).toBe(beside ? "2026-02-03T04:05:06.789Z" : undefined);
  });

  it("with a foreign priority keeps the word it used", () => {
    expect(read({ ...seed, priority: "critical" })).toMatchObject({
      priority: "HIGH",
      other: { original_priority: "critical" },
    });
    expect(read({ ...seed, priority: "whenever" })).toMatchObject({
      priority: "NORMAL",
      other: { original_priority: "whenever" },
    });
    expect(read({ ...seed, priority: 3 }).priority).toBe("NORMAL");
  });

  it.each<[string, unknown, unknown]>([
    ["wait_ms", 1, 1],
    ["receipt", ["settled", "stored"], ["settled", "stored"]],
    ["receipt", [], []],
    ["ephemeral", true, true],
    ["accepts", ["partial", "x-more"], ["partial", "x-more"]],
    ["parent", "m1", "m1"],
    ["parent", 7, "7"],
    ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", undefined],
    ["tracestate", "a=1,b=2", undefined],
  ])("may say %s %j, which few do", (field, said, read_) => {
    const envelope = read({ ...seed, [field]: said });
    expect(envelope).toEqual({ ...seed, trust: "claimed", [field]: read_ ?? said });
    expect(JSON.parse(writeEnvelope(envelope))).toEqual(envelope);
  });

  it.each<[string, unknown]>([
    ["wait_ms", 0],
    ["wait_ms", 1.5],
    ["wait_ms", -1],
    ["wait_ms", 1e300],
    ["wait_ms", "100"],
    ["wait_ms", null],
    ["parent", ""],
    ["parent", ["m1"]],
    ["receipt", null],
    ["ephemeral", null],
    ["$broker", { attempt: 1 }],
  ])("may say no %s %j, which is left out", (field, said) => {
    expect(read({ ...seed, [field]: said })).toEqual({ ...seed, trust: "claimed" });
  });

  it.each<[string, unknown]>([
    ["receipt", true],
    ["receipt", ["read"]],
    ["receipt", ["stored", "read"]],
    ["receipt", { stored: true }],
    ["ephemeral", false],
    ["ephemeral", "yes"],
    ["accepts", "partial"],
    ["accepts", ["partial", 1]],
    ["traceparent", 1],
    ["tracestate", { a: 1 }],
  ])("may mean something else by %s: %j is kept and ignored", (field, said) => {
    const envelope = read({ ...seed, [field]: said });
    expect(envelope).toEqual({ ...seed, trust: "claimed", other: { [field]: said } });
    expect(JSON.parse(writeEnvelope(envelope))).toEqual({ ...seed, trust: "claimed", [field]: said });
  });

  it.each(["accepts", "receipt"])("is looked at as far as the first wrong value in its list %s", (field) => {
    const list = [7, "more"];
    Object.defineProperty(list, 1, { get: () => expect.fail("a list of 100,000 more is looked at") });
    expect(read({ ...seed, [field]: list }).other?.[field]).toBe(list);
  });

  it("of any shape whatsoever is read or refused in words, never a crash", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record(
            {
              from: fc.jsonValue(),
              type: fc.constantFrom("request", "INFORM", 1),
              content: fc.jsonValue(),
              priority: fc.jsonValue(),
              to: fc.jsonValue(),
            },
            { requiredKeys: [] },
          ),
        ),
        (value) => {
          const reading = readEnvelope(value, context);
          if ("problem" in reading) expect(reading.problem).not.toBe("");
          else expect(typeof reading.envelope.content.message).toBe("string");
        },
      ),
    );
  });
});

describe("an envelope", () => {
  it("written and read again is the same", () => {
    const text = fc.string({ minLength: 1 });
    const envelopes: fc.Arbitrary<Envelope> = fc.record(
      {
        message_id: text,
        timestamp: fc.constant("2026-02-03T04:05:06Z"),
        from: fc.string({ minLength: 1 }),
        to: fc.constant("claude_code"),
        type: fc.constantFrom("request", "response", "inform"),
        priority: fc.constantFrom("LOW", "NORMAL", "HIGH"),
        content: fc.record({ message: text, kind: text, data: fc.string() }, { requiredKeys: ["message"] }),
        in_reply_to: text,
        conversation_id: text,
        expires_at: fc.constantFrom("2026-02-03T04:05:06Z", "2026-02-03T04:05:06.789+01:00"),
        from_name: text.filter((name) => !/\p{Cc}/u.test(name)),
        hops: fc.integer({ min: 0, max: 255 }),
        wait_ms: fc.integer({ min: 1 }),
        receipt: fc.subarray([...receiptWords]),
        ephemeral: fc.constant(true as const),
        accepts: fc.array(fc.string()),
        parent: text,
        traceparent: fc.string(),
        tracestate: fc.string(),
        trust: fc.constant("claimed"),
      },
      { requiredKeys: ["message_id", "timestamp", "from", "to", "type", "priority", "content", "trust"] },
    );
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(read(JSON.parse(writeEnvelope(envelope)))).toEqual(envelope);
      }),
    );
  });

  it("is written with its own fields, not with keys of the same name that came as unknown ones", () => {
    const forged = { ...read(seed), other: { from: "forged", mood: 1 } };
    expect(JSON.parse(writeEnvelope(forged))).toMatchObject({ from: "py", mood: 1 });
  });

  it("has expired from the moment it says, and never if it says none or no time", () => {
    const at = (expires_at: string): boolean => isExpired({ ...read(seed), expires_at }, receivedAt);
    expect([
      at("2026-02-03T04:05:06.789Z"),
      at("2026-02-03T04:05:06.788Z"),
      at("2026-02-03T04:05:06.790Z"),
      at("soon"),
    ]).toEqual([true, true, false, false]);
    expect(isExpired(read(seed), receivedAt)).toBe(false);
  });
});

describe("priority words", () => {
  it.each([
    ["low", "LOW"],
    ["High", "HIGH"],
    ["CRITICAL", "HIGH"],
    ["urgent", "NORMAL"],
    ["constructor", "NORMAL"],
    ["__proto__", "NORMAL"],
    [undefined, "NORMAL"],
    [1, "NORMAL"],
  ])("%s is %s", (word, priority) => {
    expect(readPriority(word)).toBe(priority);
  });
});
