import { describe, expect, it } from "vitest";
import {
  exchangeConversationsMax,
  exchangesMax,
  exchangesMaxBytes,
  OpenExchanges,
} from "../../../bridges/agent-network/open-exchanges.js";

describe("what a session has asked and was asked", () => {
  it("is known by peer and id, the oldest open one first", () => {
    const open = new OpenExchanges();
    open.asks({ peer: "bob", messageId: "m", id: "first" });
    open.asks({ peer: "bob", messageId: "m", id: "second" });
    open.asks({ peer: "eve", messageId: "m", id: "eve's" });
    const first = open.ownQuestion("bob", "m");
    expect(first).toMatchObject({ id: "first" });
    if (first !== undefined) open.answered(first);
    expect(open.ownQuestion("bob", "m")).toMatchObject({ id: "second" });
    expect(open.ownQuestion("eve", "m")).toMatchObject({ id: "eve's" });
    expect(open.ownQuestion("carol", "m")).toBeUndefined();
  });

  it("is still known when it is answered: answers come in parts", () => {
    const open = new OpenExchanges();
    open.isAsked({ peer: "bob", messageId: "m7", id: "req" });
    const question = open.questionOf("bob", "req");
    if (question !== undefined) open.answered(question);
    expect(open.questionOf("bob", "req")).toMatchObject({ messageId: "m7" });
  });

  it("keeps the same id of both sides apart", () => {
    const open = new OpenExchanges();
    open.asks({ peer: "bob", messageId: "mine", id: "req_1" });
    open.isAsked({ peer: "bob", messageId: "his", id: "req_1" });
    expect(open.questionOf("bob", "req_1")).toMatchObject({ messageId: "his" });
    expect(open.ownQuestion("bob", "mine")).toMatchObject({ id: "req_1" });
    expect(open.ownQuestion("bob", "his")).toBeUndefined();
  });

  it("knows once what is told twice, and not what did not get through", () => {
    const open = new OpenExchanges();
    for (let times = 0; times < 2; times += 1) open.isAsked({ peer: "bob", messageId: "m7", id: "req" });
    expect(open.size).toBe(1);
    open.asks({ peer: "bob", messageId: "m", id: "r" })();
    expect(open.size).toBe(1);
    expect(open.ownQuestion("bob", "m")).toBeUndefined();
  });

  it("has a bound in count, and strangers push out no question of the session's own", () => {
    const open = new OpenExchanges();
    open.asks({ peer: "bob", messageId: "mine", id: "r" });
    for (let n = 0; n < 10 * exchangesMax; n += 1) open.isAsked({ peer: `eve ${n}`, messageId: `m${n}`, id: `r${n}` });
    expect(open.size).toBe(exchangesMax);
    expect(open.ownQuestion("bob", "mine")).toMatchObject({ id: "r" });
    const last = 10 * exchangesMax - 1;
    expect(open.questionOf(`eve ${last}`, `r${last}`)).toBeDefined();
    expect(open.questionOf("eve 0", "r0")).toBeUndefined();
  });

  it("loses no open question of its own to what others ask, however many it has and however long their ids are", () => {
    const open = new OpenExchanges();
    const many = exchangesMax - 100;
    for (let n = 0; n < many; n += 1) open.asks({ peer: "bob", messageId: `m${n}`, id: `r${n}` });
    for (let n = 0; n < exchangesMax; n += 1) {
      const long = `${"x".repeat(240)}${n}`;
      open.isAsked({ peer: "eve".repeat(40), messageId: long, id: long, conversationId: long });
    }
    for (let n = 0; n < many; n += 1) expect(open.ownQuestion("bob", `m${n}`)).toBeDefined();
    expect(open.questionOf("eve".repeat(40), `${"x".repeat(240)}${exchangesMax - 1}`)).toBeDefined();
    expect(open.size).toBeLessThanOrEqual(exchangesMax);
  });

  it("drops what is answered before what is open", () => {
    const open = new OpenExchanges();
    for (let n = 0; n < exchangesMax; n += 1) open.asks({ peer: "bob", messageId: `m${n}`, id: `r${n}` });
    const answered = open.ownQuestion("bob", "m5");
    if (answered !== undefined) open.answered(answered);
    open.asks({ peer: "bob", messageId: "new", id: "new" });
    expect(open.ownQuestion("bob", "m5")).toBeUndefined();
    expect(open.ownQuestion("bob", "m0")).toBeDefined();
  });

  it("has a bound in bytes", () => {
    const open = new OpenExchanges();
    const long = "x".repeat(250);
    for (let n = 0; n < exchangesMax; n += 1)
      open.isAsked({ peer: "eve", messageId: `${long}${n}`, id: `${long}${n}`, conversationId: long });
    expect(open.size * 3 * 250).toBeLessThanOrEqual(exchangesMaxBytes);
    expect(open.size).toBeGreaterThan(50);
  });

  it("remembers the last conversations of each pair", () => {
    const open = new OpenExchanges();
    for (let n = 0; n <= exchangeConversationsMax; n += 1) {
      open.speaksIn("bob", `c${n}`);
      open.speaksIn("bob", "always");
    }
    expect(open.hasSpokenIn("bob", "c0")).toBe(false);
    expect(open.hasSpokenIn("bob", "always")).toBe(true);
    expect(open.hasSpokenIn("eve", "always")).toBe(false);
    expect(open.hasSpokenIn("bob", `c${exchangeConversationsMax}`)).toBe(true);
  });

  it("tells what was asked of somebody else alone", () => {
    const open = new OpenExchanges();
    open.asks({ peer: "bob", messageId: "m", id: "prop" });
    expect(open.isForAnother("eve", "prop")).toBe(true);
    expect(open.isForAnother("bob", "prop")).toBe(false);
    expect(open.isForAnother("eve", "other")).toBe(false);
    open.asks({ peer: "eve", messageId: "m2", id: "prop" });
    expect(open.isForAnother("eve", "prop")).toBe(false);
  });
});
