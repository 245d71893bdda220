import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prepareFrame } from "../../../src/websocket/edge/frame.js";

/** RFC 6455 §5.2, written down a second time. */
function expected(text: string): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload]);
  if (length < 65_536) return Buffer.concat([Buffer.from([0x81, 126, length >> 8, length & 255]), payload]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(length));
  return Buffer.concat([Buffer.from([0x81, 127]), size, payload]);
}

describe("a text as a WebSocket frame", () => {
  it("has the right header around every length at which it changes, whatever the characters", () => {
    const lengths = [
      0, 1, 2, 5, 120, 121, 122, 123, 124, 125, 126, 127, 65_528, 65_531, 65_532, 65_533, 65_534, 65_535, 65_536,
      65_537,
    ];
    const others = ["", "é", "€", "😀", "\ud800", "\udc00", "éé", "éééé", "€€€", "😀😀", "😀\ud800", "\udc00\ud800"];
    for (const length of lengths) {
      const plain = "x".repeat(length);
      for (const other of others) {
        for (const text of [
          plain + other,
          other + plain,
          plain.slice(length >> 1) + other + plain.slice(0, length >> 1),
        ]) {
          if (!prepareFrame(text).bytes.equals(expected(text)))
            expect.fail(`${String(length)} and ${JSON.stringify(other)}`);
        }
      }
    }
  });

  it("is what the standard says for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 140 }), (text) =>
        prepareFrame(text).bytes.equals(expected(text)),
      ),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(
        fc
          .array(fc.constantFrom("x", "é", "€", "😀", "\ud800", "\udc00"), { maxLength: 140 })
          .map((letters) => letters.join("")),
        (text) => prepareFrame(text).bytes.equals(expected(text)),
      ),
      { numRuns: 2_000 },
    );
  });
});
