import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codec } from "../../../bridges/agent-network/codec.js";
import { agentNetwork } from "../../../bridges/agent-network/index.js";
import type { Command, Event } from "../../../bridges/agent-network/schema.js";
import { SessionCodec } from "../../../bridges/agent-network/session-codec.js";
import { jsonToMsgpack } from "../../../bridges/agent-network/encodings/json-to-msgpack.js";
import { plainMetadata } from "../../../bridges/agent-network/metadata.js";
import { depthMax } from "../../../bridges/agent-network/scan.js";
import { idMax } from "../../../bridges/agent-network/schema.js";
import { settled } from "../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { Fault, type Codec } from "../../../src/dialect/index.js";

/** A codec that has read `frame`, and so knows what the next ones may be like. `passes`: whose frames nobody keeps. */
function after(
  frame: string,
  passes: (agent: string) => boolean = () => true,
): { readonly reader: SessionCodec; readonly endTurn: () => void } {
  let endTurn: () => void = () => undefined;
  const reader = new SessionCodec({ passesUnread: passes, now: () => 0, atEndOfTurn: (run) => (endTurn = run) });
  read(reader, frame);
  return {
    reader,
    endTurn: () => {
      endTurn();
    },
  };
}

/** What a codec makes of a frame, whole: a value that can be compared. */
function read(reader: Codec<Command, Event>, frame: string): unknown {
  const told = (run: () => unknown): unknown => {
    try {
      return run();
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      return { refused: thrown.code, because: thrown.message, detail: thrown.detail };
    }
  };
  return told(() =>
    reader.decode(frame).map((command) => {
      if (command instanceof Fault || !("message" in command)) return command;
      const { header, raw } = command.message;
      return { type: command.type, header, raw, content: told(() => command.message.content()) };
    }),
  );
}

const usual = {
  messageId: "msg-0001-of-many",
  conversationId: "conv_a2b",
  senderId: "alice",
  recipientId: "bob",
  messageType: "ENCRYPTED",
  content: { encryptedData: "AAAA", nonce: [1, true, null, -1.5e3], more: { a: '\\" }' } },
  timestamp: 1_622_548_800_000,
  metadata: { priority: "NORMAL", encrypted: true, requiresResponse: false },
};
const base = JSON.stringify(usual);

const vectors = ["commands", "malformed"].flatMap(
  (file) =>
    JSON.parse(
      readFileSync(new URL(`../../../bridges/agent-network/vectors/${file}.json`, import.meta.url), "utf8"),
    ) as readonly { readonly about: string; readonly frame: string }[],
);

describe("frames that come at once are read as if each came alone", () => {
  it.each(vectors)("$about", ({ frame }) => {
    for (const first of [base, frame]) expect(read(after(first).reader, frame)).toEqual(read(codec, frame));
  });

  const ids = fc.oneof(
    fc.constantFrom(
      "",
      "a",
      "ä",
      "\u007f",
      "😀",
      "\ud800",
      "\\u0041",
      "\\",
      "\u0001",
      "x".repeat(idMax),
      "x".repeat(idMax + 1),
    ),
    fc.string(),
  );
  const times = fc.oneof(
    fc.constantFrom("0", "00", "01", "-1", "1.5", "1e3", '"1"', "", " 1", "1 ", "9".repeat(15), "9".repeat(16)),
    fc.nat().map(String),
  );

  it("whatever their id, their time and their content are", () => {
    const contents = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
      fc.constantFrom("{}", "{", "{}}", '{"a":1,}', "[{}]", "", '{"a":1},"senderId":"eve"', '{"a":1},"type":"AUTH"'),
      fc
        .constantFrom(depthMax - 2, depthMax - 1, depthMax)
        .map((deep) => `{"a":${"[".repeat(deep)}${"]".repeat(deep)}}`),
    );
    fc.assert(
      fc.property(ids, fc.boolean(), times, contents, (id, isSpelt, time, content) => {
        const frame = base
          .replace('"msg-0001-of-many"', () => (isSpelt ? JSON.stringify(id) : `"${id}"`))
          .replace("1622548800000", time)
          .replace(JSON.stringify(usual.content), () => content);
        expect(read(after(base).reader, frame)).toEqual(read(codec, frame));
      }),
      { numRuns: 3_000 },
    );
  });

  it("however they are damaged", () => {
    const noise = [
      "",
      '"',
      "\\",
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "1",
      "0",
      "-",
      ".",
      " ",
      "\n",
      "x",
      '","',
      '"senderId":"eve",',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(base.length), fc.constantFrom(...noise), fc.nat(2)), { minLength: 1, maxLength: 3 }),
        (edits) => {
          let frame = base;
          for (const [at, put, cut] of edits) frame = frame.slice(0, at) + put + frame.slice(at + cut);
          expect(read(after(base).reader, frame)).toEqual(read(codec, frame));
          expect(read(after(frame).reader, frame)).toEqual(read(codec, frame));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("to this agent and to that one in turn, hundreds of them", () => {
    const { reader } = after(base);
    for (let at = 0; at < 300; at += 1) {
      const frame = JSON.stringify({
        ...usual,
        messageId: `m${at}`,
        recipientId: at % 3 === 0 ? "bob" : `agent${at % 7}`,
      });
      expect(read(reader, frame)).toEqual(read(codec, frame));
    }
  });
});

describe("an ACK", () => {
  const acks = fc.record({ conversationId: fc.string(), recipientId: fc.string(), about: fc.string() });

  it("is written as it is without what is remembered", () => {
    const { reader, endTurn } = after(base);
    fc.assert(
      fc.property(acks, fc.boolean(), ({ conversationId, recipientId, about }, ends) => {
        const event: Event = {
          messageId: "b-1",
          conversationId,
          senderId: "system",
          recipientId,
          messageType: "ACK",
          content: { messageId: about },
          timestamp: 7,
          metadata: plainMetadata("NORMAL"),
        };
        expect(reader.encode(event)).toBe(codec.encode(event));
        if (ends) endTurn();
        read(reader, base);
      }),
    );
  });
});

describe("what frames were like is remembered", () => {
  /** True if a frame is read by what those before it were like: nobody asks when it came. */
  const isKnown = (frames: readonly string[], ends = false, passes = true): boolean => {
    let asked = 0;
    let endTurn: () => void = () => undefined;
    const reader = new SessionCodec({
      passesUnread: () => passes,
      now: () => (asked += 1),
      atEndOfTurn: (run) => (endTurn = run),
    });
    for (const [at, frame] of frames.entries()) {
      if (at === frames.length - 1) {
        if (ends) endTurn();
        asked = 0;
      }
      read(reader, frame);
    }
    return asked === 0;
  };
  const next = JSON.stringify({ ...usual, messageId: "another", content: {}, timestamp: 0 });

  it("where the next frame differs in its id, its content and its time only", () => {
    expect(isKnown([base, next])).toBe(true);
    for (const changed of [
      { recipientId: "eve" },
      { conversationId: "conv_b" },
      { metadata: {} },
      { more: 1 },
      { messageId: "\u0001" },
    ])
      expect([changed, isKnown([base, JSON.stringify({ ...usual, ...changed })])]).toEqual([changed, false]);
  });

  it("until the end of the turn of the loop", () => {
    expect(isKnown([base, next], true)).toBe(false);
    expect(isKnown([base, next, next], true)).toBe(false);
  });

  it("of no frame that does not pass unread", () => {
    expect(isKnown([base, next], false, false)).toBe(false);
  });
});

describe("V8 keeps no frame as the last in which something was found", () => {
  const kept = (): unknown => Reflect.get(RegExp, "input");
  const packed = (value: object): Buffer => jsonToMsgpack(JSON.stringify(value));

  it.each([
    ["JSON", "/agent-network/v1/connect", undefined, JSON.stringify],
    ["MessagePack", "/agent-network/v1/connect", "agent-network.v1.msgpack", packed],
    ["Socket.IO", "/socket.io", undefined, (value: object) => `42["message",${JSON.stringify(value)}]`],
  ] as const)("of %s", async (_name, path, subprotocol, spelt) => {
    const world = new ConformanceWorld([agentNetwork]);
    const { connection } = world.connect(path, subprotocol === undefined ? {} : { subprotocol });
    const login = { token: "own ada", agentId: "ada" };
    connection.says(path === "/socket.io" ? `40${JSON.stringify(login)}` : spelt({ type: "AUTH", ...login }));
    for (let turns = 0; turns < 3; turns += 1) await settled();
    for (const more of [{}, { "a\nkey": 1 }, { content: 7 }, { timestamp: 1.5 }]) {
      const marker = "marker-of-this";
      const told = connection.frames.length;
      connection.says(spelt({ ...usual, senderId: "ada", recipientId: "ada", [marker]: marker, ...more }));
      expect(connection.frames.length).toBeGreaterThan(told);
      expect([more, kept()]).toEqual([more, expect.not.stringContaining("marker-")]);
    }
  });
});
