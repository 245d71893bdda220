import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codec } from "../../../bridges/agent-network/codec.js";
import { conversationId } from "../../../bridges/agent-network/conversation-id.js";
import { contents } from "../../../bridges/agent-network/contents.js";
import { OpenExchanges } from "../../../bridges/agent-network/open-exchanges.js";
import type { NetworkEvent, NetworkMessage } from "../../../bridges/agent-network/schema.js";
import { eventOf } from "../../../bridges/agent-network/translate-event.js";
import { spoken } from "../../../bridges/agent-network/translate.js";
import { Fault, type Envelope } from "../../../src/core/index.js";
import type { Draft } from "../../../src/dialect/index.js";

/** A frame as it comes from a socket. */
function said(messageType: string, content: object, more: object = {}): NetworkMessage {
  const frame = {
    messageId: "msg_1",
    conversationId: "conv_1",
    senderId: "alice",
    recipientId: "bob",
    messageType,
    content,
    timestamp: 1_622_548_800_000,
    metadata: {},
    ...more,
  };
  const [command] = codec.decode(JSON.stringify(frame));
  if (command === undefined || command instanceof Fault || !("message" in command)) throw new Error("no message");
  return command.message;
}

/** The envelope that the broker makes of a draft. */
function envelopeOf(from: string, type: Envelope["type"], draft: Draft): Envelope {
  const { to, messageId = "m", content, inReplyTo, conversationId: conversation } = draft;
  return {
    message_id: messageId,
    timestamp: draft.timestamp ?? "2021-06-01T12:00:00.000Z",
    from,
    to,
    type,
    priority: draft.priority ?? "NORMAL",
    content,
    ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
    ...(conversation !== undefined && { conversation_id: conversation }),
  };
}

const meta = { replay: false, message: { receivedAt: 7 } };
const answer = (from: string, message: string, inReplyTo: string, data?: object): Envelope => ({
  ...envelopeOf(from, "response", { to: "alice", content: { message, ...(data && { data }) }, inReplyTo }),
});

/** A session of Agent Network that has said this. */
function speaking(message: NetworkMessage): { readonly open: OpenExchanges; readonly draft: Draft } {
  const open = new OpenExchanges();
  const { asks, draft } = spoken(message, open, { now: 0 });
  if (asks !== undefined) open.asks(asks);
  return { open, draft };
}

describe("Agent Network's words in the core's", () => {
  it("60 KB of content are a short text and the whole of the data", () => {
    const content = {
      proposalId: "p",
      details: { description: "x".repeat(60_000), participants: Array(900).fill("a") },
    };
    const { draft } = speaking(said("PROPOSAL", content));
    expect(draft.content.message.length).toBeLessThan(1_000);
    expect(draft.content.data).toEqual(content);
    const many = {
      requestId: "r",
      queryType: "CUSTOM",
      parameters: Object.fromEntries([...Array(2_000).keys()].map((n) => [`k${n}`, "y".repeat(20)])),
    };
    expect(speaking(said("QUERY", many)).draft.content.message.length).toBeLessThan(4_000);
  });

  it("no text ends in half a character, and none comes through", () => {
    const emoji = "😀".repeat(300);
    const { draft } = speaking(
      said("PROPOSAL", { proposalId: "p", details: { title: `x${emoji}`, description: emoji } }),
    );
    expect(() => encodeURIComponent(draft.content.message)).not.toThrow(); // it throws at half a character
    expect(draft.content.message).toContain("…");
    const half = spoken(said("INFORM", { text: "a\ud800b" }), new OpenExchanges(), { now: 0 });
    expect(half.draft.content.message).toBe("a\ufffdb");
  });

  it("a proposal says nothing about itself that its object only inherits", () => {
    const { draft } = speaking(said("REJECTION", { proposalId: "p", reason: "constructor" }));
    expect(draft.content.message).toBe("declines the proposal p: constructor");
    const error = { code: "toString", message: "" };
    const { draft: failed } = speaking(said("RESPONSE", { requestId: "r", data: null, error }));
    expect(failed.content.message).toBe("cannot answer (toString)");
    expect(speaking(said("constructor", { text: "hi" })).draft.content.message).toBe("hi");
  });

  it("an answer to another peer's question is none to this peer's", () => {
    const open = new OpenExchanges();
    open.isAsked({ peer: "bob", messageId: "m-bob", id: "req_bob" });
    open.isAsked({ peer: "carol", messageId: "m-carol", id: "req_carol" });
    const toBob = spoken(said("RESPONSE", { requestId: "req_carol", data: { text: "x" } }), open, { now: 0 });
    expect(toBob.answers).toBeUndefined();
    expect(toBob.draft.inReplyTo).toBe("req_carol");
    expect(open.questionOf("carol", "req_carol")).toMatchObject({ messageId: "m-carol" });
  });

  it("an answer that is said twice answers the same question twice", () => {
    const open = new OpenExchanges();
    open.isAsked({ peer: "bob", messageId: "m7", id: "req" });
    for (let times = 0; times < 2; times += 1) {
      const { answers, draft } = spoken(said("RESPONSE", { requestId: "req", data: { text: "x" } }), open, { now: 0 });
      expect(draft.inReplyTo).toBe("m7");
      if (answers !== undefined) open.answered(answers);
    }
  });

  it("what is kept comes back as it was, whatever it is", () => {
    const word = fc.oneof(fc.constantFrom(...Object.keys(contents), "SHOUT", "POLL"), fc.string({ maxLength: 20 }));
    const fields = fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          "requestId",
          "queryType",
          "parameters",
          "data",
          "error",
          "proposalId",
          "text",
          "status",
          "reason",
          "details",
          "kind",
        ),
        fc.string(),
      ),
      fc.jsonValue({ maxDepth: 3 }),
      { maxKeys: 6 },
    );
    fc.assert(
      fc.property(word, fields, fc.boolean(), (type, content, requiresResponse) => {
        let message: NetworkMessage;
        try {
          message = said(type, content, { metadata: { requiresResponse } });
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Fault);
          return;
        }
        try {
          const { as, draft } = spoken(message, new OpenExchanges(), { now: 0, isAway: true });
          const heard = eventOf(envelopeOf("alice", as, draft), meta, new OpenExchanges());
          expect(heard.conversationId).toBeDefined();
          if (as === "response" || /^[\u0000-\u001f\u007f-\u009f]/.test(type)) return;
          expect({ type: heard.messageType, content: heard.content }).toEqual({ type, content: message.content() });
          expect(heard.conversationId).toBe("conv_1");
        } catch (thrown) {
          if (!(thrown instanceof Fault)) throw thrown;
          expect(thrown.code).toBe("malformed");
        }
      }),
    );
  });
});

describe("the core's words in Agent Network's", () => {
  const proposal = said("PROPOSAL", { proposalId: "prop", details: { title: "Tea" } });
  const confirmation = { proposalId: "prop", status: "ACCEPTED" };

  it("a proposal is confirmed by whom it was put to, and by nobody else", () => {
    const { open, draft } = speaking(proposal);
    const heard = (from: string, kind?: string): NetworkEvent => {
      const envelope = answer(from, "yes", draft.messageId ?? "", confirmation);
      return eventOf(
        kind === undefined ? envelope : { ...envelope, content: { ...envelope.content, kind } },
        meta,
        open,
      );
    };
    for (const kind of [undefined, "agent-network.CONFIRMATION"]) {
      expect(heard("eve", kind)).toMatchObject({ messageType: "RESPONSE", senderId: "eve" });
      expect(heard("eve", kind).content["requestId"]).not.toBe("prop");
      expect(heard("bob", kind)).toMatchObject({ messageType: "CONFIRMATION", content: confirmation });
    }
    const inform = { ...answer("eve", "yes", "x", confirmation), type: "inform" as const };
    const sly = { ...inform, content: { ...inform.content, kind: "agent-network.CONFIRMATION" } };
    expect(eventOf(sly, meta, open)).toMatchObject({ messageType: "INFORM" });
  });

  it("a second answer to one question is told under the same requestId", () => {
    const { open } = speaking(said("QUERY", { requestId: "req", queryType: "CUSTOM", parameters: { text: "?" } }));
    for (const text of ["one", "two"])
      expect(eventOf(answer("bob", text, "msg_1"), meta, open).content).toMatchObject({
        requestId: "req",
        data: { text },
      });
  });

  it("two questions under one id are answered one after the other", () => {
    const open = new OpenExchanges();
    for (const id of ["first", "second"]) open.asks({ peer: "bob", messageId: "m", id });
    const ids = [1, 2].map(() => eventOf(answer("bob", "x", "m"), meta, open).content["requestId"]);
    expect(ids).toEqual(["first", "second"]);
  });

  it("a question out of a mailbox is answered by its own requestId", () => {
    const open = new OpenExchanges();
    const data = { requestId: "req", queryType: "AVAILABILITY", parameters: {} };
    const content = { message: "asks", kind: "agent-network.QUERY", data };
    const envelope = envelopeOf("bob", "request", { to: "alice", messageId: "m7", content });
    for (let times = 0; times < 2; times += 1) expect(eventOf(envelope, meta, open).content).toEqual(data);
    expect(open.size).toBe(1);
    const { draft } = spoken(said("RESPONSE", { requestId: "req", data: { text: "none" } }), open, { now: 0 });
    expect(draft).toMatchObject({ to: "bob", inReplyTo: "m7", content: { message: "none" } });
  });

  it("a conversation of its own is kept with the peer that it was led with", () => {
    const { open } = speaking(said("INFORM", { text: "hi" }));
    open.speaksIn("bob", "conv_1");
    const inform = (from: string): Envelope => ({
      ...envelopeOf(from, "inform", { to: "alice", content: { message: "ho" }, conversationId: "conv_1" }),
    });
    expect(eventOf(inform("bob"), meta, open).conversationId).toBe("conv_1");
    const other = eventOf(inform("eve"), meta, open);
    expect(other.conversationId).toBe(conversationId("alice", "eve"));
    expect(other.metadata["conversationId"]).toBe("conv_1");
  });

  it("nothing that an envelope can hold makes it fail, and every event has its eight fields", () => {
    const kinds = fc.oneof(
      fc.string(),
      fc.constantFrom(...Object.keys(contents), "ERROR").map((type) => `agent-network.${type}`),
    );
    const any = fc.record({
      message_id: fc.string({ minLength: 1 }),
      timestamp: fc.oneof(fc.string({ minLength: 1 }), fc.constant("2021-06-01T12:00:00.000Z")),
      from: fc.constantFrom("bob", "$broker", "alice"),
      to: fc.constantFrom("alice", "#room", "all", "$events"),
      type: fc.constantFrom("request", "response", "inform"),
      priority: fc.constantFrom("LOW", "NORMAL", "HIGH"),
      content: fc.record({ message: fc.string(), kind: kinds, data: fc.jsonValue() }, { requiredKeys: ["message"] }),
      in_reply_to: fc.option(fc.string(), { nil: undefined }),
    });
    fc.assert(
      fc.property(any, (envelope) => {
        const event = eventOf(envelope as Envelope, meta, new OpenExchanges());
        expect(Number.isFinite(event.timestamp)).toBe(true);
        for (const field of ["messageId", "conversationId", "senderId", "recipientId", "messageType"] as const)
          expect(event[field]).toMatch(/./s);
        expect(["HANDSHAKE", "ENCRYPTED", "ACK", "AUTH"]).not.toContain(event.messageType);
        if (event.messageType === "ERROR") expect(event.senderId).toBe("system");
      }),
    );
  });
});
