import { describe, expect, it } from "vitest";
import { codec } from "../../../bridges/pan/codec.js";
import { codes, refusal } from "../../../bridges/pan/errors.js";
import { draftOf, eventOf } from "../../../bridges/pan/translate.js";
import { events, type Command, type Event } from "../../../bridges/pan/schema.js";
import { Fault, faultCodes, type Envelope } from "../../../src/core/index.js";
import { refusesMalformed, vectorsOf, type MalformedVector } from "../../kit/dialect-vectors.js";

const vectors = vectorsOf("pan");

describe("PAN's vectors", () => {
  it.each(vectors("commands") as { about: string; frame: string; command: Command; draft?: object }[])(
    "reads: $about",
    ({ frame, command, draft }) => {
      const [read] = codec.decode(frame);
      expect(read).toEqual(command);
      if (draft !== undefined && read !== undefined && !(read instanceof Fault) && read.type === "chat")
        expect(draftOf(read)).toEqual(draft);
    },
  );

  type Malformed = MalformedVector & { readonly messageId?: string };
  refusesMalformed(
    vectors("malformed") as Malformed[],
    (frame) => codec.decode(frame),
    (fault, { wireCode, messageId }) => {
      const { message } = fault;
      expect(refusal(fault, undefined, true)).toEqual({
        reply: { type: "error", code: wireCode, message, ...(messageId !== undefined && { messageId }) },
      });
    },
  );

  it.each(vectors("events") as { about: string; envelope: Envelope; replay?: boolean; event: Event }[])(
    "tells: $about",
    ({ envelope, replay, event }) => {
      const told = eventOf(envelope, { replay: replay ?? false });
      expect(told).toEqual(event);
      expect(events[told.type].strict().safeParse(event).error).toBeUndefined();
      expect(JSON.parse(codec.encode(told) as string)).toEqual(event);
    },
  );

  it("refuses binary frames", () => {
    expect(() => codec.decode(Buffer.from('{"type":"list"}'))).toThrow(/JSON text/);
  });

  it("has a code of the protocol for every fault", () => {
    expect(Object.keys(codes).sort()).toEqual([...faultCodes].sort());
  });

  it.each([
    ["unauthenticated", { code: "AUTH_FAILED" }, 1008],
    ["forbidden", { code: "NOT_INVITED" }, undefined],
    ["not-found", { code: "AGENT_NOT_FOUND" }, undefined],
    ["conflict", { code: "AGENT_ID_IN_USE" }, undefined],
    ["full", { code: "room_full" }, undefined],
    ["rate-limited", { code: "RATE_LIMIT", retryAfter: 200 }, undefined],
    ["timeout", { code: "INTERNAL" }, undefined],
    ["unavailable", { code: "INTERNAL" }, undefined],
    ["internal", { code: "INTERNAL" }, undefined],
    ["slow-consumer", undefined, 1013],
    ["going-away", undefined, 1001],
  ] as const)("tells %s as %j, closing with %s", (code, reply, close) => {
    const told = refusal(
      new Fault(code, "why", code === "rate-limited" ? { retryAfterMs: 199.5 } : {}),
      undefined,
      true,
    );
    if (reply === undefined) expect(told.reply).toBeUndefined();
    else expect(told.reply).toMatchObject({ type: "error", message: "why", ...reply });
    expect(told.close?.code).toBe(close);
  });

  it("tells what stands against a question as CONFLICT: the name is in nobody's way", () => {
    const told = refusal(new Fault("conflict", "why"), { type: "ask", kind: "mailbox.close", messageId: "q" }, true);
    expect(told).toEqual({ reply: { type: "error", code: "CONFLICT", message: "why", messageId: "q" } });
  });
});
