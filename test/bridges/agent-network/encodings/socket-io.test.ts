import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Callbacks } from "../../../../bridges/agent-network/encodings/callbacks.js";
import { enginePacket, openPacket } from "../../../../bridges/agent-network/encodings/engine-io.js";
import {
  acknowledged,
  connected,
  emitted,
  emittedMessage,
  refused,
  socketPacket,
} from "../../../../bridges/agent-network/encodings/socket-io.js";
import { Fault } from "../../../../src/core/index.js";
import { vectorsOf } from "../../../kit/dialect-vectors.js";
import { faultOf } from "../../../kit/fault-of.js";

interface Vectors {
  readonly client: readonly { readonly packet: string; readonly means: object }[];
  readonly refused: readonly { readonly about: string; readonly packet: string; readonly names: string }[];
}

const vectors = vectorsOf("agent-network")("socket-io") as Vectors;

/** What an Engine.IO packet carries. */
function dataOf(frame: string): string {
  const packet = enginePacket(frame);
  return packet.type === "message" ? packet.data : expect.fail("it carries nothing");
}

describe("a packet of Engine.IO", () => {
  it.each([
    ["3", { type: "pong" }],
    ["3probe", { type: "pong" }],
    ["2probe", { type: "probe" }],
    ["5", { type: "upgrade" }],
    ["6", { type: "upgrade" }],
    ["1", { type: "close" }],
    ["40", { type: "message", data: "0" }],
    ["4", { type: "message", data: "" }],
  ])("%s", (frame, packet) => {
    expect(enginePacket(frame)).toEqual(packet);
  });

  it.each([
    ["2", "EIO=4"],
    ["2hello", "EIO=4"],
    ["0{}", "Engine.IO 4"],
    ["7", "Engine.IO 4"],
    ["", "Engine.IO 4"],
    ['{"type":"AUTH"}', "path of the dialect"],
    [Buffer.from("4"), "binary"],
    ["bAQID", "Engine.IO 4"],
  ])("refuses %j", (frame, names) => {
    expect(faultOf(() => enginePacket(frame)).message).toContain(names);
  });

  it("of the server tells what a client needs to know", () => {
    const packet = openPacket("an id", 65_536);
    expect(packet[0]).toBe("0");
    expect(JSON.parse(packet.slice(1))).toEqual({
      sid: "an id",
      upgrades: [],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 65_536,
    });
  });
});

describe("a packet of Socket.IO", () => {
  const message = '{"messageId":"1","content":{"a":1.0}}';

  it.each(vectors.client)("$packet", ({ packet, means }) => {
    expect(socketPacket(dataOf(packet))).toEqual(means);
  });

  it.each(vectors.refused)("refuses $about", ({ packet, names }) => {
    expect(faultOf(() => socketPacket(dataOf(packet))).message).toContain(names);
  });

  it("refuses a packet id of 100,000 digits", () => {
    expect(faultOf(() => socketPacket(`2${"9".repeat(100_000)}["message",""]`)).message).toContain("15 digits");
  });

  it.each(["0/admin,", "0/admin", '0/admin,{"token":"t"}', '2/admin,["message",""]', "1/admin,"])(
    "knows no other namespace: %s",
    (data) => {
      expect(faultOf(() => socketPacket(data))).toMatchObject({
        message: "Invalid namespace",
        detail: { namespace: "/admin" },
      });
    },
  );

  it("names no more of a namespace than it needs", () => {
    const { detail } = faultOf(() => socketPacket(`0/${"x".repeat(60_000)},`));
    expect(detail).toEqual({ namespace: `/${"x".repeat(127)}` });
  });

  it("throws nothing but faults, whatever the text", () => {
    const mark = fc.constantFrom("0", "1", "2", "3", "5", "/", ",", "[", "]", "{", "}", '"', ":", "\\", " ");
    const piece = fc.oneof(mark, fc.constantFrom("message", "heartbeat", '["message",', "\\ud800"));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          socketPacket(pieces.join(""));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Fault);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("of the server is one that the client reads", () => {
    expect(connected('a"b')).toBe('40{"sid":"a\\"b"}');
    expect(refused("no", { code: 1 })).toBe('44{"message":"no","data":{"code":1}}');
    expect(refused("no", {}, "/admin")).toBe('44/admin,{"message":"no","data":{}}');
    expect(emitted("ack", '{"messageId":"1"}')).toBe('42["ack",{"messageId":"1"}]');
    expect(acknowledged("12", "{}")).toBe("4312[{}]");
    expect(emittedMessage(message)).toBe(`42${JSON.stringify(["message", message])}`);
  });
});

describe("callbacks that wait", () => {
  it("are answered once, by the first of their keys", () => {
    const callbacks = new Callbacks();
    expect(callbacks.isEmpty).toBe(true);
    expect(callbacks.take("a")).toBeUndefined();
    callbacks.wait("1", "a", "b");
    callbacks.wait(undefined, "c");
    expect(callbacks.isEmpty).toBe(false);
    expect(callbacks.take("b")).toBe("1");
    expect(callbacks.take("a")).toBeUndefined();
    expect(callbacks.isEmpty).toBe(true);
  });

  it("are no more than 32 keys: the oldest is forgotten", () => {
    const callbacks = new Callbacks();
    for (let id = 0; id < 1_000; id += 1) callbacks.wait(String(id), `key ${String(id)}`);
    expect(callbacks.take("key 967")).toBeUndefined();
    expect(callbacks.take("key 968")).toBe("968");
    expect(callbacks.take("key 999")).toBe("999");
  });

  it("go to the last who waits for the same", () => {
    const callbacks = new Callbacks();
    callbacks.wait("1", "a", "b");
    callbacks.wait("2", "a");
    expect(callbacks.take("b")).toBeUndefined();
    expect(callbacks.take("a")).toBe("2");
  });
});
