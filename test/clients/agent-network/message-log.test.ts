import { describe, expect, it } from "vitest";
import { MessageLog } from "../../../clients/typescript/agent-network/message-log.js";

const frame = (messageId: string, messageType = "QUERY", content: Readonly<Record<string, unknown>> = {}) => ({
  messageId,
  conversationId: "talk",
  senderId: "ada",
  recipientId: "bob",
  messageType,
  content,
});

describe("the message log", () => {
  it("holds who, what and when, and nothing of the content", () => {
    const log = new MessageLog(() => 1_000);
    log.add("SENT", frame("m1", "QUERY", { parameters: { text: "a secret" } }), 300);
    log.add("RECEIVED", frame("m2", "ENCRYPTED", { originalType: "RESPONSE", encryptedData: "a secret" }), 400);
    expect(log.read()).toEqual([
      {
        direction: "SENT",
        at: 1_000,
        messageId: "m1",
        conversationId: "talk",
        senderId: "ada",
        recipientId: "bob",
        messageType: "QUERY",
        size: 300,
      },
      expect.objectContaining({ direction: "RECEIVED", messageType: "ENCRYPTED", originalType: "RESPONSE" }),
    ]);
    expect(JSON.stringify(log.read())).not.toContain("secret");
  });

  it("remembers the last 1,000, whatever a stranger calls itself", () => {
    const log = new MessageLog();
    const long = "x".repeat(1_000_000);
    for (let n = 1; n <= 2_500; n += 1)
      log.add("RECEIVED", { ...frame(`m${n}`, "ENCRYPTED", { originalType: long }), senderId: long }, 1);
    const read = log.read();
    expect(read.map(({ messageId }) => messageId)).toEqual(Array.from({ length: 1_000 }, (_, n) => `m${n + 1_501}`));
    expect(JSON.stringify(read).length).toBeLessThan(1_000_000);
    log.clear();
    log.add("SENT", frame("m1"), 1);
    expect(log.read()).toHaveLength(1);
  });
});
