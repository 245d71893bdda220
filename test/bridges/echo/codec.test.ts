import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, decodeEvent, encode } from "../../../bridges/echo/codec.js";
import type { EchoCommand, EchoEvent } from "../../../bridges/echo/schema.js";
import { toDraft, toEvent } from "../../../bridges/echo/translate.js";
import { Fault, type Envelope } from "../../../src/core/index.js";
import { vectorsOf } from "../../kit/dialect-vectors.js";

const vectors = vectorsOf("echo");

const commands = vectors("commands") as {
  understood: { title: string; frame: string; command: EchoCommand; draft?: unknown }[];
  refused: { title: string; frame: string; code: string }[];
};
const events = vectors("events") as { title: string; envelope: Envelope; replay?: boolean; frame: string }[];

describe("echo on the wire", () => {
  it.each(commands.understood)("reads $title", ({ frame, command, draft }) => {
    const read = decode(frame);
    expect(read).toEqual(command);
    if (draft !== undefined && read.type === "say") expect(toDraft(read)).toEqual(draft);
  });

  it.each(commands.refused)("refuses $title", ({ frame, code }) => {
    expect(() => decode(frame)).toThrow(expect.objectContaining({ name: "Fault", code }));
  });

  it.each(events)("tells $title", ({ envelope, replay = false, frame }) => {
    const event = toEvent(envelope, { replay });
    expect(event).toBeDefined();
    if (event !== undefined) expect(encode(event)).toBe(frame);
    expect(decodeEvent(frame)).toEqual(event);
  });

  it("refuses binary frames", () => {
    expect(() => decode(Buffer.from('{"type":"echo","text":""}'))).toThrow(Fault);
  });

  it("reads every command back that it can be written as", () => {
    const command: fc.Arbitrary<EchoCommand> = fc.oneof(
      fc.record({ type: fc.constant("login" as const), name: fc.string({ minLength: 1 }) }),
      fc.record({ type: fc.constant("echo" as const), text: fc.string({ unit: "binary" }) }),
      fc.record({ type: fc.constant("say" as const), to: fc.string({ minLength: 1 }), text: fc.string() }),
    );
    fc.assert(
      fc.property(command, (said) => {
        expect(decode(JSON.stringify(said))).toEqual(said);
      }),
    );
  });

  it("reads every event back that it writes", () => {
    const event: fc.Arbitrary<EchoEvent> = fc.record({
      type: fc.constant("heard" as const),
      from: fc.string(),
      to: fc.string(),
      text: fc.string({ unit: "binary" }),
      id: fc.string(),
    });
    fc.assert(
      fc.property(event, (told) => {
        expect(decodeEvent(encode(told))).toEqual(told);
      }),
    );
  });

  it("throws nothing but faults, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => JSON.stringify({ ...value, type: "say" })),
        ),
        (frame) => {
          try {
            decode(frame);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Fault);
          }
        },
      ),
    );
  });
});
