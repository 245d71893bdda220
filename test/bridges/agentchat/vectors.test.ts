import { describe, expect, it } from "vitest";
import { codec } from "../../../bridges/agentchat/codec.js";
import { codes, refusal } from "../../../bridges/agentchat/errors.js";
import { readPublicKey, verifies } from "../../../bridges/agentchat/keys.js";
import { events, type Event } from "../../../bridges/agentchat/events.js";
import type { Command } from "../../../bridges/agentchat/schema.js";
import { authText, messageText, proposalText, stepText } from "../../../bridges/agentchat/signed-text.js";
import { eventOf } from "../../../bridges/agentchat/translate.js";
import { Fault, faultCodes, Message, type Envelope } from "../../../src/core/index.js";
import { refusesMalformed, vectorsOf, type MalformedVector } from "../../kit/dialect-vectors.js";

const vectors = vectorsOf("agentchat");

type SignedVector =
  | ({ kind: "auth" } & Parameters<typeof authText>[0])
  | ({ kind: "message" } & Parameters<typeof messageText>[0])
  | ({ kind: "proposal" } & Parameters<typeof proposalText>[0])
  | { kind: "ACCEPT" | "REJECT" | "COMPLETE" | "DISPUTE"; id: string; field?: string };

function textOf(of: SignedVector): string {
  if (of.kind === "auth") return authText(of);
  if (of.kind === "message") return messageText(of);
  return of.kind === "proposal" ? proposalText(of) : stepText(of.kind, of.id, of.field);
}

describe("AgentChat's vectors", () => {
  it.each(vectors("commands") as { about: string; frame: string; commands: Command[] }[])(
    "reads: $about",
    ({ frame, commands }) => {
      expect(codec.decode(frame)).toEqual(commands);
    },
  );

  type Malformed = MalformedVector & { readonly ref?: string };
  refusesMalformed(
    vectors("malformed") as Malformed[],
    (frame) => codec.decode(frame),
    (fault, { wireCode, ref }) => {
      const { message } = fault;
      expect(refusal(fault, undefined, 1)).toEqual({
        reply: { type: "ERROR", ts: 1, code: wireCode, message, ...(ref !== undefined && { ref }) },
      });
    },
  );

  it.each(vectors("events") as { about: string; envelope: Envelope; replay?: boolean; event: Event }[])(
    "tells: $about",
    ({ envelope, replay, event }) => {
      const message = Message.of(envelope, { topic: envelope.to, receivedAt: 7, trust: "claimed", origin: undefined });
      const told = eventOf(envelope, { message, replay: replay ?? false, now: 7 }, () => undefined);
      expect(told).toEqual(event);
      if (told !== undefined) expect(events[told.type].strict().safeParse(event).error).toBeUndefined();
      expect(told === undefined ? undefined : JSON.parse(codec.encode(told) as string)).toEqual(event);
    },
  );

  const { key, texts } = vectors("signatures") as {
    key: { agent_id: string; raw: string; spki: string; pem: string };
    texts: { about: string; of: SignedVector; text: string; signature: string }[];
  };

  it.each([key.raw, key.spki, key.pem])("knows a key in each of its forms", (form) => {
    expect(readPublicKey(form)).toMatchObject({ spki: key.spki, agentId: key.agent_id.slice(1) });
  });

  it.each(texts)("signs: $about", ({ of, text, signature }) => {
    expect(textOf(of)).toBe(text);
    const own = readPublicKey(key.spki) ?? expect.fail("no key");
    expect(verifies(own, text, signature)).toBe(true);
    expect(verifies(own, `${text} `, signature)).toBe(false);
    for (const broken of [signature.slice(4), `${signature}AAAA`, "", "%", signature.replace(/.$/, "")])
      expect(verifies(own, text, broken)).toBe(false);
    expect(verifies(own, text, signature.replace(/=+$/, ""))).toBe(true);
  });

  it("signs half an emoji as the server reads it", () => {
    const said = { to: "@ada", ts: 1 };
    expect(messageText({ ...said, content: "\ud83d" })).toBe(messageText({ ...said, content: "\ufffd" }));
  });

  it("refuses binary frames", () => {
    expect(() => codec.decode(Buffer.from('{"type":"PING"}'))).toThrow(/JSON text/);
  });

  it("tells what stands against a question as INVALID_MSG: who asks is known", () => {
    const told = refusal(new Fault("conflict", "why"), { type: "ASK", kind: "mailbox.close", msg_id: "q" }, 1);
    expect(told).toEqual({ reply: { type: "ERROR", ts: 1, code: "INVALID_MSG", message: "why", ref: "q" } });
  });

  it("has a code of the protocol for every fault", () => {
    expect(Object.keys(codes).sort()).toEqual([...faultCodes].sort());
  });
});
