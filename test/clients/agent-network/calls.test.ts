import { describe, expect, it } from "vitest";
import { BoundedTurns } from "../../../clients/typescript/agent-network/bounded-turns.js";
import { callsMax, OpenCalls, type Call } from "../../../clients/typescript/agent-network/calls.js";
import { networkError } from "../../../clients/typescript/agent-network/error.js";
import { endOf, renewalMs } from "../../../clients/typescript/shared/token-end.js";
import type { Message } from "../../../clients/typescript/agent-network/message.js";
import { Proposals, proposalsMax, proposalsOfPeerMax } from "../../../clients/typescript/agent-network/proposals.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { networkMessage } from "../../kit/network-wire.js";

const call = (more: Partial<Call> = {}): Call => ({
  peer: "bob",
  id: "r",
  kind: "QUERY",
  messageId: "m",
  sealed: true,
  timeoutMs: 1_000,
  timedOut: () => networkError("TIMEOUT_ERROR", "late"),
  ...more,
});
const message = (senderId: string, messageType: string, content: object, sealed = true): Message => ({
  ...networkMessage(senderId, "ada", { messageType, content: { ...content } }),
  sealed,
  verified: sealed,
});

describe("calls that are open", () => {
  it("are answered by the agent that was asked alone, under their id, and sealed if they were", async () => {
    const calls = new OpenCalls(new FakeClock());
    const answered = calls.wait(call());
    const answer = message("bob", "RESPONSE", { requestId: "r" });
    expect(calls.answer(message("eve", "RESPONSE", { requestId: "r" }))).toBe(false);
    expect(calls.answer(message("bob", "RESPONSE", { requestId: "other" }))).toBe(false);
    expect(calls.answer(message("bob", "CONFIRMATION", { proposalId: "r" }))).toBe(false);
    expect(calls.answer({ ...answer, sealed: false })).toBe(false);
    expect(calls.answer(answer)).toBe(true);
    expect(await answered).toBe(answer);
    expect(calls.answer(answer)).toBe(false);
  });

  it("end with their time, which leaves nothing behind", async () => {
    const clock = new FakeClock();
    const calls = new OpenCalls(clock);
    const late = expect(calls.wait(call())).rejects.toMatchObject({ code: "TIMEOUT_ERROR" });
    clock.advance(1_000);
    await late;
    expect(clock.waiting).toBe(0);
    expect(calls.answer(message("bob", "RESPONSE", { requestId: "r" }))).toBe(false);
  });

  it("fail with their message, or all at once", async () => {
    const calls = new OpenCalls(new FakeClock());
    const failed = expect(calls.wait(call())).rejects.toThrow("refused");
    expect(calls.fail("m", networkError("MESSAGE_ERROR", "refused"))).toBe(true);
    expect(calls.fail("m", networkError("MESSAGE_ERROR", "refused"))).toBe(false);
    await failed;
    const both = [calls.wait(call()), calls.wait(call({ peer: "system" }))];
    calls.failAll(networkError("CONNECTION_ERROR", "lost"), "system");
    await expect(both[1]).rejects.toThrow("lost");
    calls.failAll(networkError("CLOSED", "closed"));
    await expect(both[0]).rejects.toThrow("closed");
  });

  it("have a bound, and one id means one question", async () => {
    const calls = new OpenCalls(new FakeClock());
    const open = Array.from({ length: callsMax }, (_, n) => calls.wait(call({ id: String(n) })));
    await expect(calls.wait(call({ id: "more" }))).rejects.toThrow(/wait for some/);
    calls.failAll(networkError("CLOSED", "closed"));
    await Promise.allSettled(open);
    const first = calls.wait(call());
    await expect(calls.wait(call())).rejects.toThrow(/take a new id/);
    calls.failAll(networkError("CLOSED", "closed"));
    await expect(first).rejects.toThrow("closed");
  });
});

describe("proposals", () => {
  const made = { from: "peer", conversationId: "c", sealed: true, details: {} } as const;

  it("are forgotten when there are too many, settled ones and those of who makes most of them first", () => {
    const proposals = new Proposals(new FakeClock(), () => undefined);
    for (let n = 0; n < proposalsOfPeerMax + 50; n += 1) {
      proposals.made({ ...made, peer: "eve", proposalId: `e${n}` });
      if (n === 10) proposals.decided("peer", "eve", "e10", { status: "ACCEPTED" });
    }
    expect(proposals.all()).toHaveLength(proposalsOfPeerMax);
    expect(proposals.find("peer", "eve", "e10")).toBeUndefined();
    for (let n = 0; n < proposalsMax + 10; n += 1) proposals.made({ ...made, peer: `p${n}`, proposalId: "p" });
    expect(proposals.all()).toHaveLength(proposalsMax);
    proposals.close();
  });

  it("end once: what is decided stays, and what has expired is not accepted any more", () => {
    const clock = new FakeClock();
    const told: string[] = [];
    const proposals = new Proposals(clock, ({ proposalId, status }) => told.push(`${proposalId} ${status}`));
    const expiresAt = clock.now() + 10_000;
    for (const proposalId of ["p", "q"]) proposals.made({ ...made, peer: "bob", proposalId, details: { expiresAt } });
    proposals.decided("peer", "bob", "p", { status: "REJECTED", reason: "OTHER" });
    clock.advance(10_000);
    proposals.decided("peer", "bob", "q", { status: "ACCEPTED" });
    expect(told).toEqual(["p PENDING", "q PENDING", "p REJECTED", "q EXPIRED"]);
    expect(clock.waiting).toBe(0);
  });

  it("that were sealed are neither changed nor decided by what comes in plain text", () => {
    const proposals = new Proposals(new FakeClock(), () => undefined);
    proposals.made({ ...made, from: "us", peer: "bob", proposalId: "p" });
    proposals.heard(message("bob", "PROPOSAL", { proposalId: "q", details: { title: "Tea" } }));
    proposals.heard(message("bob", "CONFIRMATION", { proposalId: "p", status: "ACCEPTED" }, false));
    proposals.heard(message("bob", "PROPOSAL", { proposalId: "q", details: { title: "Forged" } }, false));
    expect(proposals.all()).toMatchObject([{ status: "PENDING" }, { status: "PENDING", details: { title: "Tea" } }]);
    proposals.heard(message("bob", "REJECTION", { proposalId: "p", reason: "OTHER" }));
    expect(proposals.find("us", "bob", "p")?.status).toBe("REJECTED");
  });

  it("of one side are not those of the other, whatever their ids", () => {
    const proposals = new Proposals(new FakeClock(), () => undefined);
    proposals.made({ ...made, peer: "bob", proposalId: "p" });
    proposals.made({ ...made, from: "us", peer: "bob", proposalId: "p" });
    proposals.heard(message("bob", "CONFIRMATION", { proposalId: "p", status: "ACCEPTED" }));
    expect(proposals.all().map(({ from, status }) => [from, status])).toEqual([
      ["peer", "PENDING"],
      ["us", "ACCEPTED"],
    ]);
  });
});

describe("work in turns", () => {
  it("is done in order for each key, and has a bound in count and bytes, of a key and in all", async () => {
    const turns = new BoundedTurns({ count: 2, bytes: 100 }, { count: 3, bytes: 150 });
    const done: string[] = [];
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const work = (name: string) => async (): Promise<void> => {
      await gate;
      done.push(name);
    };
    expect(turns.add("a", 500, work("a1"))).toBe(true); // one always fits
    expect(turns.add("a", 1, work("a2"))).toBe(false);
    go();
    await turns.done();
    expect(turns.add("a", 60, work("a3"))).toBe(true);
    expect(turns.add("a", 50, work("too many bytes"))).toBe(false);
    expect(turns.add("a", 10, work("a4"))).toBe(true);
    expect(turns.add("a", 1, work("too many"))).toBe(false);
    expect(turns.add("b", 10, work("b1"))).toBe(true);
    expect(turns.add("c", 1, work("too many in all"))).toBe(false);
    await turns.done();
    expect(done.filter((name) => name.startsWith("a"))).toEqual(["a1", "a3", "a4"]);
    expect(turns.waiting).toBe(0);
  });
});

describe("the end of a token", () => {
  const jwt = (exp: unknown): string => `h.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.s`;

  it("is read of a JWT, and of nothing else", () => {
    expect(endOf(jwt(10))).toBe(10_000);
    for (const token of ["opaque", "a.b.c", jwt("soon"), "..", "h.bnVsbA.s"]) expect(endOf(token)).toBeUndefined();
  });

  it("is a minute away when the next one is fetched, or nearer if it is short", () => {
    expect(renewalMs(jwt(3_600), 0)).toBe(3_540_000);
    expect(renewalMs(jwt(30), 0)).toBe(20_000);
    expect(renewalMs(jwt(1), 999)).toBe(1_000);
    expect(renewalMs(jwt(1), 5_000)).toBe(30_000);
    expect(renewalMs("opaque", 0)).toBeUndefined();
  });
});
