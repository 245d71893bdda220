import fc from "fast-check";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { encodeCompressed, encodeHeartbeat, readFrames } from "../../../bridges/visualisation/binary/index.js";
import { greeted } from "./kit.js";

const bytes = (...parts: readonly (string | number | Uint8Array)[]): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === "string" ? Buffer.from(part) : typeof part === "number" ? Buffer.from([part]) : part,
    ),
  );

async function binary() {
  const { viewer, world } = await greeted("/api/control/ws", ["binary", "compression"]);
  await viewer.says({ type: "compression.negotiate", algorithms: ["deflate"], preferredLevel: 6 });
  await viewer.hears({ type: "compression.selected", algorithm: "deflate" });
  return { viewer, world, heard: () => viewer.connection.frames.at(-1) };
}

/** The code of an ERROR frame, or of an error in JSON. */
function codeOf(frame: unknown): unknown {
  if (typeof frame === "string") return (JSON.parse(frame) as { payload: { code: string } }).payload.code;
  const [first] = readFrames(frame as Buffer);
  return first?.type === "error" ? first.payload["code"] : first?.type;
}

describe("binary frames that are wrong (Visualisation §2.3–2.6)", () => {
  const deflated = (original: Buffer, claimed = original.length): Buffer =>
    Buffer.from(encodeCompressed(claimed, deflateSync(original)));
  it.each([
    ["another magic", bytes("AGNX", 6, 2, 0, 0)],
    ["an unknown type", bytes("AGNT", 9, 2, 0, 0)],
    ["flags that do not exist", bytes("AGNT", 6, 0xff, 0, 8, Buffer.alloc(8))],
    ["a length that lies", bytes("AGNT", 6, 2, 0xff, 0xff, Buffer.alloc(8))],
    ["a heartbeat of another length", bytes("AGNT", 6, 2, 0, 4, Buffer.alloc(4))],
    ["half a header", bytes("AGN")],
    ["nothing", bytes()],
    ["something behind the frame", bytes(Buffer.from(encodeHeartbeat(1)), "AG")],
    ["a count that does not fit", bytes("AGNT", 1, 2, 0, 4, Buffer.from([0xff, 0xff, 0xff, 0xff]))],
    ["positions, which are the broker's to send", bytes("AGNT", 1, 2, 0, 4, Buffer.alloc(4))],
    ["a batch that is no deflate", Buffer.from(encodeCompressed(100, Buffer.from("nonsense")))],
    ["a batch that is larger than it says", deflated(Buffer.alloc(1_000), 999)],
    ["a batch that is smaller than it says", deflated(Buffer.alloc(1_000), 1_001)],
    ["a batch that claims gigabytes", deflated(Buffer.alloc(100), 0xffff_ffff)],
    ["a bomb", deflated(Buffer.alloc(50_000_000))],
    ["a batch in a batch", deflated(deflated(Buffer.from(encodeHeartbeat(1))))],
    ["a batch of nothing that anybody knows", deflated(Buffer.from("\n\n"))],
  ])("%s: INVALID_MESSAGE, and the connection lives", async (_what, frame) => {
    const { viewer, heard } = await binary();
    await viewer.says(frame);
    expect(codeOf(heard())).toBe("INVALID_MESSAGE");
    await viewer.says(Buffer.from(encodeHeartbeat(5)));
    expect(readFrames(heard() as Buffer)).toMatchObject([{ type: "heartbeat", at: 5 }]);
    expect(viewer.closing).toBeUndefined();
  });

  it("of 65 messages in one batch nothing is read", async () => {
    const { viewer, heard } = await binary();
    await viewer.says(deflated(Buffer.from('{"type":"heartbeat"}\n'.repeat(65))));
    expect(codeOf(heard())).toBe("INVALID_MESSAGE");
  });

  it("where binary is not granted: INVALID_MESSAGE", async () => {
    const { viewer } = await greeted();
    await viewer.says(Buffer.from(encodeHeartbeat(5)));
    expect(codeOf(viewer.connection.frames.at(-1))).toBe("INVALID_MESSAGE");
  });
});

describe("messages that are wrong", () => {
  it.each([
    ["a channel that nobody has made", { channel: "x", sequence: 1, message: { type: "heartbeat" } }],
    ["a channel that is none", { channel: 7, sequence: 1, message: { type: "heartbeat" } }],
    ["buffers of a thousand millions", { type: "channel.create", channelId: "c", bufferSize: 1e9 }],
    ["half a buffer", { type: "channel.create", channelId: "c", bufferSize: 0.5 }],
    ["a stream that is none", { type: "channel.create", channelId: "c", streams: ["everything"] }],
    ["a channel without a name", { type: "channel.create", channelId: "" }],
    ["a name that is too long", { type: "channel.create", channelId: "c".repeat(129) }],
    ["a channel that is closed twice", { type: "channel.close", channelId: "c" }],
    ["streams that there are not", { type: "streams.select", streams: ["__proto__"] }],
    ["a room that is commanded", { type: "control.execute", id: "1", payload: { targetAgent: "#lab", command: "x" } }],
    ["everybody commanded", { type: "control.execute", id: "2", payload: { targetAgent: "all", command: "x" } }],
  ])("%s: INVALID_MESSAGE, and the connection lives", async (_what, message) => {
    const { viewer } = await greeted("/api/control/ws", ["multiplexing"]);
    await viewer.says(message);
    expect(await viewer.hears({ type: "error" })).toMatchObject({ payload: { code: "INVALID_MESSAGE" } });
    expect(viewer.closing).toBeUndefined();
  });

  it("are numbers of a channel that go back", async () => {
    const { viewer } = await greeted("/api/control/ws", ["multiplexing"]);
    await viewer.says({ type: "channel.create", channelId: "c" });
    await viewer.hears({ type: "channel.created" });
    const inChannel = (sequence: number) => viewer.says({ channel: "c", sequence, message: { type: "heartbeat" } });
    await inChannel(5);
    await viewer.hears({ channel: "c", sequence: 1 });
    for (const sequence of [5, 4, 0, -1, 1.5, 2 ** 60]) {
      await inChannel(sequence);
      const { message } = await viewer.hears({ channel: "c" });
      expect(message).toMatchObject({ type: "error", payload: { code: "INVALID_MESSAGE" } });
    }
    await inChannel(6);
    expect((await viewer.hears({ channel: "c" }))["message"]).toMatchObject({ type: "heartbeat" });
  });

  it("are more channels than there may be", async () => {
    const { viewer, world } = await greeted("/api/control/ws", ["multiplexing"]);
    for (let at = 0; at < 64; at += 1) {
      await viewer.says({ type: "channel.create", channelId: String(at) });
      world.clock.advance(1_000);
    }
    await viewer.says({ id: "65", type: "channel.create", channelId: "one more" });
    expect(await viewer.hears({ type: "error" })).toMatchObject({
      payload: { code: "INVALID_MESSAGE", details: { requestId: "65" } },
    });
  });

  it("come too fast: RATE_LIMIT_EXCEEDED with a time, and 4429 if they go on", async () => {
    const { viewer } = await greeted();
    for (let at = 0; at < 60; at += 1) await viewer.says({ type: "streams.select", streams: [] });
    const { payload } = await viewer.hears({ type: "error" });
    expect(payload).toMatchObject({
      code: "RATE_LIMIT_EXCEEDED",
      details: { retryAfterMs: expect.any(Number) as number },
    });
    for (let at = 0; at < 100; at += 1) await viewer.says({ type: "streams.select", streams: [] });
    expect(viewer.closing).toMatchObject({ code: 4429 });
  });

  it("may be anything at all: an error or an end, never a crash", async () => {
    const frame = fc.oneof(
      fc.json().map((text) => text as string | Buffer),
      fc.string(),
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.uint8Array({ maxLength: 60 }).map((array) => bytes("AGNT", Buffer.from(array))),
      fc
        .record({ type: fc.constantFrom("handshake", "control.execute", "channel.create"), payload: fc.anything() })
        .map((x) => JSON.stringify(x)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 10 }), async (frames) => {
        const { viewer, world } = await binary();
        for (const each of frames) await viewer.says(each);
        expect(world.log.filter(({ level }) => level === "error")).toEqual([]);
        expect(viewer.closing?.code).not.toBe(1011);
      }),
    );
  });
});
