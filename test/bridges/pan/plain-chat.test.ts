import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainChat } from "../../../bridges/pan/plain-chat.js";
import { chat } from "../../../bridges/pan/schema.js";
import { readJson } from "../../../src/core/index.js";

/** What parsing and the schema make of a frame. */
function slow(frame: string): unknown {
  const json = readJson(frame, 64);
  if ("problem" in json) return undefined;
  return chat.safeParse(json.value).data;
}

/**
 * Frames that are nearly plain chats: the fields there are, values at and around their limits, and every kind of small
 * damage.
 */
const key = fc.constantFrom(
  "type",
  "to",
  "text",
  "messageId",
  "intent",
  "replyTo",
  "from",
  "data",
  "priority",
  "__proto__",
  "",
  "te\\u0078t",
);
const value = fc.oneof(
  fc.constantFrom(
    '"chat"',
    '"join"',
    '"inform"',
    '"request"',
    '"maybe"',
    '""',
    "1",
    "null",
    "{}",
    '"a\\n"',
    '"\\u0041"',
    '"\u0001"',
    '"ü"',
    '"\u{1F916}"',
    `"${"x".repeat(256)}"`,
    `"${"x".repeat(257)}"`,
    `"${"x".repeat(513)}"`,
  ),
  fc.string().map((text) => JSON.stringify(text)),
);
const gap = fc.constantFrom("", "", "", " ", "  ", "\t", "\n");
const field = fc.tuple(key, gap, gap, value).map(([name, before, after, text]) => `"${name}"${before}:${after}${text}`);
const likely = fc
  .tuple(fc.array(field, { maxLength: 4 }), gap, fc.constantFrom("}", "}}", "", "} ", ",}"), fc.boolean())
  .map(([more, after, end, whole]) => {
    const fields = whole ? ['"type":"chat"', '"to": "bob"', '"text":"hello"', ...more] : more;
    return `{${fields.join(`,${after}`)}${end}`;
  });

describe("PAN's plain chat", () => {
  it("is read as the schema reads it, and never where the schema would not", () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          { weight: 8, arbitrary: likely },
          { weight: 1, arbitrary: fc.string() },
          { weight: 1, arbitrary: fc.json() },
        ),
        (frame) => {
          const read = plainChat(frame);
          if (read === undefined) return;
          accepted += 1;
          expect(read).toEqual(slow(frame));
        },
      ),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it.each([
    ['{"type":"chat","to":"bob","text":"hi"}', true],
    ['{"type": "chat", "to": "bob", "text": "hi", "messageId": "1", "intent": "inform", "replyTo": "2"}', true],
    ['{"to":"bob","text":"","type":"chat"}', true],
    [`{"type":"chat","to":"bob","text":"${"ü".repeat(5_000)}"}`, true],
    ['{"type":"chat","to":"bob","text":"a\\"b"}', false],
    ['{"type":"chat","to":"bob","text":"a","text":"b"}', false],
    ['{"type":"chat","to":"","text":"a"}', false],
    ['{"type":"chat","to":"bob"}', false],
    ['{"type":"chat","to":"bob","text":"a","data":{}}', false],
    ['{"type":"chat","to":"bob","text":"a","intent":"shout"}', false],
    ['{"type":"chat","to":"bob","text":"a"} ', false],
    ['{"type":"chat","to":"bob","text":"a",}', false],
    ['{"type":"join","to":"bob","text":"a"}', false],
    ["", false],
    ["{", false],
    ['{"', false],
  ])("%s", (frame, isPlain) => {
    expect(plainChat(frame) !== undefined).toBe(isPlain);
  });
});

describe("what is kept of a chat", () => {
  it("keeps the rest of its frame in memory neither by its addressee nor by its ids", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const kept: unknown[] = [];
    const before = heap();
    for (let n = 0; n < 300; n += 1) {
      const ids = `"to":"somebody-of-this-name-${String(n)}","messageId":"a-message-${String(n)}","replyTo":"another-one-${String(n)}"`;
      // As a socket gives it: one flat text.
      const frame = Buffer.from(`{"type":"chat",${ids},"text":"${"x".repeat(60_000)}"}`).toString("latin1");
      const chat = plainChat(frame);
      kept.push(chat?.to, chat?.messageId, chat?.replyTo);
    }
    expect(heap() - before).toBeLessThan(2_000_000);
    expect(kept).toHaveLength(900);
    expect(kept).not.toContain(undefined);
  });
});
