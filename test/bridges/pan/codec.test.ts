import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codec } from "../../../bridges/pan/codec.js";
import type { ChatEvent } from "../../../bridges/pan/schema.js";

const text = fc.string({ unit: "binary", maxLength: 40 });
const chat = fc.record(
  {
    type: fc.constant("chat" as const),
    from: text,
    fromName: text,
    to: text,
    text,
    timestamp: text,
    messageId: text,
    intent: fc.constantFrom("request" as const, "response" as const, "inform" as const),
    replyTo: text,
    data: fc.oneof(
      fc.jsonValue(),
      fc.constant(() => 1),
      fc.constant(Symbol("none")),
    ),
    trust: text,
    replay: fc.constant(true as const),
    stored_at: text,
    delivery_id: text,
    attempt: fc.nat(),
    room_seq: fc.nat(),
    epoch: text,
  },
  { requiredKeys: ["type", "from", "fromName", "to", "text", "timestamp"] },
);

describe("PAN's codec", () => {
  it("writes a chat as JSON.stringify does, whatever is in it", () => {
    fc.assert(
      fc.property(chat, (event: ChatEvent) => {
        expect(codec.encode(event)).toBe(JSON.stringify(event));
      }),
      { seed: 4, numRuns: 2_000 },
    );
  });
});
