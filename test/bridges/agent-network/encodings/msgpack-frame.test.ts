import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { packedMessages, type PackedMessage } from "../../../../bridges/agent-network/encodings/msgpack-frame.js";
import { Fault } from "../../../../src/core/index.js";

const packr = new Packr({ useRecords: false });
const pack = (value: unknown): Buffer => packr.pack(value);

const message = {
  messageId: "m1",
  conversationId: "c",
  senderId: "ada",
  recipientId: "bob",
  messageType: "QUERY",
  content: { text: "hello", bytes: Buffer.from([1, 2]), number: 1.5 },
  timestamp: 1_622_548_800_000,
  metadata: { priority: "HIGH", encrypted: false },
};

function only(frame: Buffer): PackedMessage {
  const messages = packedMessages(frame, 50);
  expect(messages).toHaveLength(1);
  return read(messages[0]);
}

function read(one: PackedMessage | Fault | undefined): PackedMessage {
  if (one === undefined || one instanceof Fault) expect.fail(one?.message ?? "there is none");
  return one;
}

function refusal(frame: Buffer, batchMax = 50): Fault {
  try {
    const [first] = packedMessages(frame, batchMax);
    if (first instanceof Fault) return first;
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  expect.fail("it is read");
}

describe("a binary frame", () => {
  it("that is a map is one message: its header as JSON, its content untouched, its bytes as they came", () => {
    const frame = pack(message);
    const { header, content, bytes } = only(frame);
    expect(JSON.parse(header)).toEqual({ ...message, content: {} });
    expect(bytes.equals(frame)).toBe(true);
    expect(content()).toBe('{"text":"hello","bytes":"AQI=","number":1.5}');
  });

  it("that is a list is a batch of messages, each with the bytes that are its own", () => {
    const ids = ["m1", "m2", "m3"];
    const items = ids.map((messageId) => pack({ ...message, messageId }));
    const messages = packedMessages(Buffer.concat([Buffer.from([0x93]), ...items]), 50).map(read);
    expect(messages.map(({ bytes }) => bytes)).toEqual(items);
    expect(messages.map(({ header }) => (JSON.parse(header) as typeof message).messageId)).toEqual(ids);
    expect(messages.map((each) => each.content())).toEqual(new Array(3).fill(messages[0]?.content()));
  });

  it("has a header without its content, however large that is", () => {
    const { header } = only(
      pack({ ...message, content: { text: "x".repeat(60_000), list: new Array(5_000).fill(1) } }),
    );
    expect(header.length).toBeLessThan(300);
  });

  it("keeps a content that is no map in its header, where it is refused", () => {
    expect(JSON.parse(only(pack({ content: "text" })).header)).toEqual({ content: "text" });
    expect(only(pack({ content: [1] })).content()).toBeUndefined();
  });

  it("keeps keys that stand twice, or in another case: the header is refused for them", () => {
    const twice = Buffer.concat([
      Buffer.from([0x83]),
      pack("senderId"),
      pack("a"),
      pack("senderId"),
      pack("b"),
      pack("SenderId"),
      pack("c"),
    ]);
    expect(only(twice).header).toBe('{"senderId":"a","senderId":"b","SenderId":"c"}');
  });

  it("may have any names for keys", () => {
    const { header, content } = only(
      Buffer.from(
        "82a9" + "5f5f70726f746f5f5f" + "81a16101" + "a7636f6e74656e74" + "81a9" + "5f5f70726f746f5f5f" + "01",
        "hex",
      ),
    );
    expect(header).toBe('{"__proto__":{"a":1},"content":{}}');
    expect(content()).toBe('{"__proto__":1}');
  });

  it.each([
    ["an extension in the content", Buffer.from("d6ff00000000", "hex"), "extension"],
    ["NaN in the content", Buffer.from("cb7ff8000000000000", "hex"), "NaN"],
    ["an integer beyond 2^53", Buffer.from("cfffffffffffffffff", "hex"), "2^53"],
    ["a key that is a number", Buffer.from("810102", "hex"), "keys"],
  ])("with %s is refused by itself, and the message is named", (_about, value, names) => {
    const bad = Buffer.concat([
      Buffer.from([0x82]),
      pack("messageId"),
      pack("bad"),
      pack("content"),
      Buffer.from([0x81]),
      pack("x"),
      value,
    ]);
    const fault = refusal(bad);
    expect(fault).toMatchObject({ code: "malformed", detail: { messageId: "bad" } });
    expect(fault.message).toContain(names);
    const batch = packedMessages(Buffer.concat([Buffer.from([0x93]), pack(message), bad, pack(message)]), 50);
    expect(batch.map((one) => one instanceof Fault)).toEqual([false, true, false]);
  });

  it.each([
    ["a number", pack(1), "a message is a map"],
    ["nil", pack(null), "a message is a map"],
    ["a text", pack("message"), "a message is a map"],
    ["bytes", pack(Buffer.from("message")), "a message is a map"],
    ["a list in a batch", pack([[message]]), "no list of batches"],
    ["a number in a batch", pack([1]), "a message is a map"],
    ["an empty batch", pack([]), "one message at least"],
    ["a batch that is too large", pack(new Array(51).fill(message)), "50 messages at most"],
    [
      "60,000 bytes as a batch",
      Buffer.concat([Buffer.from("dcea60", "hex"), Buffer.alloc(60_000, 0xc0)]),
      "50 messages",
    ],
    ["a batch of 4 billion", Buffer.from("ddffffffff8080", "hex"), "end before"],
    ["a map of 4 billion", Buffer.from("dfffffffffa0c0", "hex"), "end before"],
    ["65 fields", pack(Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${String(at)}`, at]))), "64 fields"],
    ["two messages", Buffer.concat([pack(message), pack(message)]), "nothing more"],
    ["something behind a batch", Buffer.concat([pack([message]), Buffer.from([0xc0])]), "nothing more"],
    ["nothing", Buffer.alloc(0), "end before"],
    [
      "content that is nested deeply",
      Buffer.concat([Buffer.from([0x81]), pack("content"), Buffer.alloc(100, 0x91), pack(1)]),
      "64 levels",
    ],
  ])("refuses %s", (_about, frame, names) => {
    expect(refusal(frame)).toMatchObject({ message: expect.stringContaining(names) as string });
  });

  it("of which the end is missing is refused whole", () => {
    const frame = pack([message, message]);
    for (let length = 1; length < frame.length; length += 1)
      expect(() => packedMessages(frame.subarray(0, length), 50)).toThrow("end before");
  });

  it("throws nothing but faults, whatever the bytes, and what it accepts can be told in JSON", () => {
    const damaged = fc
      .tuple(fc.constantFrom(pack(message), pack([message, message])), fc.nat(), fc.nat({ max: 255 }))
      .map(([whole, at, byte]) => {
        const frame = Buffer.from(whole);
        frame[at % frame.length] = byte;
        return frame;
      });
    const random = fc.uint8Array({ maxLength: 48 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, random), (frame) => {
        try {
          for (const one of packedMessages(frame, 50)) {
            if (one instanceof Fault) continue;
            JSON.parse(one.header);
            JSON.parse(one.content() ?? "{}");
          }
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Fault);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
