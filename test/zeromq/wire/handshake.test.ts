import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fault, principal } from "../../../src/core/index.js";
import {
  encodeError,
  encodePing,
  encodePong,
  encodeReady,
  encodeWelcome,
  readCommand,
  readMetadata,
  readPing,
} from "../../../src/zeromq/wire/commands.js";
import { Handshake, type DoorKind, type Step } from "../../../src/zeromq/wire/handshake.js";
import { IllegalBytes } from "../../../src/zeromq/wire/codec.js";
import type { ZmtpAuth } from "../../../src/zeromq/wire/greeting.js";
import { greeting, hello, ready } from "./raw-peer.js";
import vectors from "./vectors/handshakes.json" with { type: "json" };

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly illegal?: string;
  readonly closeLater?: string;
  readonly refuse?: string;
  readonly introduced?: string;
  readonly more?: boolean;
}

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

function begin(
  door: DoorKind = "out",
  auth: ZmtpAuth = "optional",
): { readonly handshake: Handshake; readonly said: () => string } {
  const sent: Buffer[] = [];
  const handshake = new Handshake({
    door,
    auth,
    maxBytes: 16 * 1024,
    authenticate: (user, password) => {
      if (user !== "alice" || password !== "right") throw new Fault("unauthenticated", "the token is wrong");
      return principal(user, "proved");
    },
    send: (bytes) => sent.push(bytes),
  });
  handshake.begin();
  return { handshake, said: () => Buffer.concat(sent).toString("hex") };
}

/** The last step after `bytes`, given at once or byte by byte; an illegal one as its reason. */
function outcome(handshake: Handshake, bytes: Buffer, piecewise: boolean): Step | string {
  let step: Step = { kind: "more" };
  try {
    for (const chunk of piecewise ? [...bytes].map((byte) => Buffer.from([byte])) : [bytes]) {
      step = handshake.push(chunk);
      if (step.kind !== "more") return step;
    }
    return step;
  } catch (thrown) {
    if (thrown instanceof IllegalBytes) return thrown.reason;
    throw thrown;
  }
}

function expectStep(step: Step | string, vector: Vector): void {
  if (vector.illegal !== undefined) expect(step).toBe(vector.illegal);
  else if (vector.closeLater !== undefined)
    expect(step).toMatchObject({ kind: "close-later", reason: vector.closeLater });
  else if (vector.refuse !== undefined) expect(step).toMatchObject({ kind: "refuse", fault: { code: vector.refuse } });
  else if (vector.introduced !== undefined)
    expect(step).toMatchObject({ kind: "introduced", introduction: { socketType: vector.introduced } });
  else expect(step).toEqual({ kind: "more" });
}

describe("the greeting", () => {
  it.each<Vector>(vectors.greetings)("knows $name", (vector) => {
    for (const piecewise of [false, true])
      expectStep(outcome(begin().handshake, bytesOf(vector.hex), piecewise), vector);
  });

  it("says 11 bytes on accept and the rest only after the client's mechanism", () => {
    const { handshake, said } = begin();
    expect(said()).toBe("ff00000000000000017f03");
    handshake.push(greeting("NULL").subarray(0, 63));
    expect(said()).toHaveLength(22);
    handshake.push(greeting("NULL").subarray(63));
    expect(said()).toHaveLength(128);
    expect(said().slice(22)).toBe(`01${Buffer.from("NULL").toString("hex")}${"0".repeat(96)}`);
  });

  it("names the client's mechanism, with as-server for PLAIN", () => {
    const { handshake, said } = begin();
    handshake.push(greeting("PLAIN"));
    expect(said().slice(22)).toBe(`01${Buffer.from("PLAIN").toString("hex")}${"0".repeat(30)}01${"0".repeat(62)}`);
  });
});

describe("commands of a handshake", () => {
  it.each<Vector>(vectors.afterNull)("under NULL: $name", (vector) => {
    for (const piecewise of [false, true]) {
      const { handshake } = begin();
      handshake.push(greeting("NULL"));
      expectStep(outcome(handshake, bytesOf(vector.hex), piecewise), vector);
    }
  });

  it.each<Vector>(vectors.afterPlain)("under PLAIN: $name", (vector) => {
    for (const piecewise of [false, true]) {
      const { handshake } = begin();
      handshake.push(greeting("PLAIN"));
      expectStep(outcome(handshake, bytesOf(vector.hex), piecewise), vector);
    }
  });

  it("are read with the greeting in one chunk, and what follows is left", () => {
    const step = begin().handshake.push(
      Buffer.concat([greeting("NULL"), ready("SUB", { "X-Agent": "alice" }), Buffer.from("rest")]),
    );
    expect(step).toEqual({
      kind: "introduced",
      introduction: {
        mechanism: "NULL",
        principal: undefined,
        socketType: "SUB",
        declared: "alice",
        knowsPings: false,
      },
      rest: Buffer.from("rest"),
    });
  });

  it("prove a name under PLAIN, and WELCOME comes before INITIATE", () => {
    const { handshake, said } = begin();
    handshake.push(greeting("PLAIN"));
    expect(handshake.push(hello("alice", "right"))).toEqual({ kind: "more" });
    expect(said().slice(128)).toBe("04080757454c434f4d45");
    expect(handshake.push(ready("XSUB", {}, "INITIATE"))).toMatchObject({
      introduction: { mechanism: "PLAIN", principal: { agent: "alice", trust: "proved" } },
    });
  });

  it.each([
    ["in", "PUB", true],
    ["in", "XPUB", true],
    ["in", "SUB", false],
    ["in", "XSUB", false],
    ["in", "PUSH", false],
    ["out", "SUB", true],
    ["out", "XSUB", true],
    ["out", "PUB", false],
    ["out", "sub", false],
  ] as const)("at the door %s a %s is let in: %s", (door, socketType, welcome) => {
    const step = begin(door).handshake.push(Buffer.concat([greeting("NULL"), ready(socketType)]));
    expect(step).toMatchObject(welcome ? { kind: "introduced" } : { kind: "refuse", fault: { code: "forbidden" } });
  });

  it.each([
    ["none", "NULL", true],
    ["none", "PLAIN", false],
    ["optional", "NULL", true],
    ["optional", "PLAIN", true],
    ["required", "NULL", false],
    ["required", "PLAIN", true],
  ] as const)("with auth %s, %s is let in: %s", (auth, mechanism, welcome) => {
    const { handshake } = begin("out", auth);
    const commands =
      mechanism === "NULL" ? ready("SUB") : Buffer.concat([hello("alice", "right"), ready("SUB", {}, "INITIATE")]);
    const step = handshake.push(Buffer.concat([greeting(mechanism), commands]));
    expect(step).toMatchObject(
      welcome ? { kind: "introduced" } : { kind: "refuse", fault: { code: "unauthenticated" } },
    );
  });

  it("answer random bytes with a step or a reason, never anything else", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array({ maxLength: 300 }), fc.boolean(), (plain, bytes, piecewise) => {
        const { handshake } = begin();
        handshake.push(greeting(plain ? "PLAIN" : "NULL"));
        expect(["string", "object"]).toContain(typeof outcome(handshake, Buffer.from(bytes), piecewise));
      }),
      { seed: 3, numRuns: 1_000 },
    );
  });
});

describe("commands as bytes", () => {
  it("are those of libzmq", () => {
    expect(encodeReady("XPUB").toString("hex")).toBe("041a0552454144590b536f636b65742d547970650000000458505542");
    expect(encodeWelcome().toString("hex")).toBe("04080757454c434f4d45");
    expect(encodePing().toString("hex")).toBe("04070450494e470000");
    expect(encodePong(Buffer.from("abc")).toString("hex")).toBe("04080450 4f4e47616263".replace(" ", ""));
    expect(encodeError("no").toString("hex")).toBe("0409054552524f52026e6f");
  });

  it("cut an ERROR at 255 bytes between characters", () => {
    const { data } = readCommand(encodeError("é".repeat(300)).subarray(9));
    expect(data[0]).toBe(254);
    expect(data.toString("utf8", 1)).toBe("é".repeat(127));
  });

  it("cut the context of a PONG at 16 bytes", () => {
    expect(encodePong(Buffer.alloc(40, "c")).subarray(7).toString()).toBe("c".repeat(16));
  });

  it("read the TTL of a PING in tenths of a second, and refuse one under 7 bytes", () => {
    expect(readPing(Buffer.from([0, 25, 1, 2]))).toEqual({ ttlMs: 2_500, context: Buffer.from([1, 2]) });
    expect(() => readPing(Buffer.from([0]))).toThrow(IllegalBytes);
  });

  it("keep the first of two equal properties", () => {
    const { data } = readCommand(ready("SUB", { "X-Agent": "one", "x-agent": "two" }).subarray(2));
    expect(readMetadata(data)).toEqual({ socketType: "SUB", agent: "one" });
  });
});
