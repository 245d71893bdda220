import { describe, expect, it } from "vitest";
import { messageCount, messagesWait } from "../../src/mailbox/index.js";

describe("what is said of messages for people", () => {
  it("one of them is no plural", () => {
    expect([0, 1, 2].map(messageCount)).toEqual(["0 messages", "1 message", "2 messages"]);
    expect([0, 1, 2].map(messagesWait)).toEqual(["0 messages wait", "1 message waits", "2 messages wait"]);
  });
});
