import { describe, expect, it } from "vitest";
import { Message, type Envelope } from "../../src/core/index.js";
import { MessageTrace } from "../../src/telemetry/message-trace.js";

function said(trace: MessageTrace, id: string, from: string, to: string, more: Partial<Envelope> = {}): void {
  const envelope: Envelope = {
    message_id: id,
    timestamp: "",
    from,
    to,
    type: "inform",
    priority: "NORMAL",
    content: { message: "secret", data: { secret: true } },
    ...more,
  };
  const arrival = { topic: to, receivedAt: 7, trust: "claimed" as const, origin: undefined };
  trace.take(envelope, Message.of(envelope, arrival));
}

describe("the trace of messages", () => {
  it("notes heads, and nothing of what is said", () => {
    const trace = new MessageTrace();
    said(trace, "m1", "ada", "bob", { type: "request", priority: "HIGH", conversation_id: "c", in_reply_to: "m0" });
    expect(trace.find({ count: 10 })).toEqual([
      {
        at: 7,
        messageId: "m1",
        from: "ada",
        to: "bob",
        type: "request",
        priority: "HIGH",
        inReplyTo: "m0",
        conversationId: "c",
        trust: "claimed",
      },
    ]);
    expect(JSON.stringify(trace.find({ count: 10 }))).not.toContain("secret");
  });

  it("finds a message with its answers, and what an agent has said and was told, the newest", () => {
    const trace = new MessageTrace();
    said(trace, "m1", "ada", "bob");
    said(trace, "m2", "bob", "ada", { in_reply_to: "m1" });
    said(trace, "m3", "bob", "#lab");
    said(trace, "m1", "cyd", "dan");
    const ids = (query: Parameters<MessageTrace["find"]>[0]): string[] =>
      trace.find(query).map(({ messageId, from }) => `${messageId} ${from}`);
    expect(ids({ messageId: "m1", count: 10 })).toEqual(["m1 ada", "m2 bob", "m1 cyd"]);
    expect(ids({ agent: "ada", count: 10 })).toEqual(["m1 ada", "m2 bob"]);
    expect(ids({ messageId: "m1", agent: "bob", count: 10 })).toEqual(["m1 ada", "m2 bob"]);
    expect(ids({ agent: "bob", count: 2 })).toEqual(["m2 bob", "m3 bob"]);
    expect(ids({ agent: "eve", count: 10 })).toEqual([]);
  });

  it("keeps the last 10,000", () => {
    const trace = new MessageTrace();
    for (let n = 0; n < 10_003; n += 1) said(trace, `m${n}`, "ada", "bob");
    const all = trace.find({ count: 20_000 });
    expect([all.length, all[0]?.messageId, all.at(-1)?.messageId]).toEqual([10_000, "m3", "m10002"]);
    expect(trace.find({ count: 2 }).map(({ messageId }) => messageId)).toEqual(["m10001", "m10002"]);
  });
});
