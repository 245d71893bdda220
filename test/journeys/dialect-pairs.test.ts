import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { issueToken } from "../kit/tokens.js";
import { ViewerWire, type ViewerFrame } from "../kit/viewer-wire.js";
import { dialectNames, enter, words, type DialectName, type End } from "../kit/dialect-ends.js";

const pairs = dialectNames.flatMap((from) => dialectNames.map((to) => [from, to] as const));

/** Dialects that tell whether a message is a question. */
const typed: ReadonlySet<DialectName> = new Set(["ZeroMQ", "PAN", "Agent Network"]);

describe.each(pairs)("%s to %s", (from, to) => {
  let at: TestBroker;
  let ada: End;
  let bob: End;
  beforeAll(async () => {
    at = await startBroker({
      limits: {
        agentchatRatePerSecond: 0,
        panRatePerSecond: 0,
        panBroadcastMs: 0,
        networkRatePerSecond: 0,
        networkBroadcastMs: 0,
        loopTurnsMax: 0,
        graceDeclaredMs: 10,
        graceInferredMs: 10,
      },
    });
    ada = await enter[from](at, "ada-of-the-pairs");
    bob = await enter[to](at, "bob-of-the-pairs");
  });
  afterAll(async () => {
    ada.close();
    bob.close();
    const { messages, copies } = at.broker.status().ledger;
    expect(messages.accepted).toBe(
      messages.routed + messages.stored + messages.refused + messages.unroutable + messages.malformed,
    );
    expect(copies.dropped).toEqual({ full: 0, closed: copies.dropped.closed, expired: 0, unrenderable: 0 });
    await at.stop();
  });

  it("a word arrives, under the names of both", async () => {
    await ada.tells(bob.name, "the sky is blue");
    const heard = await bob.hears("the sky is blue");
    expect(heard).toMatchObject({ from: ada.name, to: bob.name, replay: false });
    // Direct text of AgentChat is a question unless it answers one.
    if (typed.has(to)) expect(heard.type).toBe(from === "AgentChat" ? "request" : "inform");
  });

  it("a question is heard as one, and its answer as the answer to it", async () => {
    const asked = await ada.asks(bob.name, "are you there?");
    const heard = await bob.hears("are you there?");
    if (typed.has(to)) expect(heard.type).toBe("request");
    await bob.answers(heard, "here I am");
    const answer = await ada.hears("here I am");
    expect(answer).toMatchObject({ from: bob.name, to: ada.name, answers: asked });
    if (typed.has(from)) expect(answer.type).toBe("response");
  });

  it("a room is shared by both, and only its members hear it", async () => {
    await ada.joins("#pairs");
    await ada.tells("#pairs", "before bob");
    await ada.settled();
    await bob.joins("#pairs");
    await ada.tells("#pairs", "hello room");
    expect(await bob.hears("hello room")).toMatchObject({ from: ada.name, to: "#pairs" });
    await bob.tells("#pairs", "hello ada");
    expect(await ada.hears("hello ada")).toMatchObject({ from: bob.name, to: "#pairs" });
    expect(bob.heard()).not.toContain("before bob");
  });

  it("a word to everybody arrives", async () => {
    if (from === "AgentChat") {
      await ada.tells("#all", "hear, hear");
      expect(await ada.isRefused()).toMatchObject({ code: "CHANNEL_NOT_FOUND" });
      return;
    }
    await ada.tells("all", "hear, hear");
    expect(await bob.hears("hear, hear")).toMatchObject({ from: ada.name, to: "all" });
  });

  it("words arrive in order", async () => {
    const texts = [...Array(50).keys()].map((n) => `word ${n}`);
    for (const text of texts) await ada.tells(bob.name, text);
    await ada.tells(bob.name, "last word");
    await bob.hears("last word");
    expect(bob.heard().filter((text) => String(text).startsWith("word"))).toEqual(texts);
  });

  it("who joins later hears the past where it asks for it, marked as such", async () => {
    await ada.joins("#past");
    for (let n = 0; n < 3; n += 1) await ada.tells("#past", `past ${n}`);
    await ada.settled();
    await bob.joins("#past", 2);
    expect(await bob.hears("past 1")).toMatchObject({ from: ada.name, to: "#past", replay: true });
    expect(await bob.hears("past 2")).toMatchObject({ from: ada.name, replay: true });
    expect(bob.heard()).not.toContain("past 0");
  });

  it("an invite-only room is for those who are invited", async () => {
    await ada.makesClosed("#board");
    await bob.tells("#board", "let me in");
    expect((await bob.isRefused()).code).toBe(words[to].closed);
    await ada.tells("#board", "among us");
    await ada.settled();
    await bob.settled();
    expect(bob.heard()).not.toContain("among us");
    expect(ada.heard()).not.toContain("let me in");
    await ada.invites("#board", bob.name);
    await bob.joins("#board");
    await ada.tells("#board", "welcome");
    expect(await bob.hears("welcome")).toMatchObject({ from: ada.name, to: "#board" });
  });

  it("who speaks to somebody who has left is told so", async () => {
    const { agents } = at.broker.status();
    bob.close();
    await eventually(() => at.broker.status().agents < agents, "bob has left");
    await ada.asks(bob.name, "still there?");
    expect((await ada.isRefused()).code).toBe(words[from].nobody);
  });
});

/*
 * Viewers are nobody, so what it means that the fifth dialect is heard by others, and hears them, is its own (protocols
 * §7): a viewer sees what others say, and a command reaches an agent and is answered.
 */

/** A connection to an endpoint with all that a viewer can have. */
async function views(at: TestBroker, name: string, endpoint: "graph" | "control"): Promise<ViewerWire> {
  const token = await issueToken(at.dataDir, name, "ws", { scopes: ["observe", "inspect", "control"] });
  return ViewerWire.open(at, endpoint, token);
}

/** True for `message.sent` with this text. */
const shows =
  (text: string) =>
  ({ type, payload }: ViewerFrame): boolean =>
    type === "message.sent" && JSON.stringify(payload["content"]).includes(text);

describe.each(dialectNames)("%s to Visualisation", (from) => {
  let at: TestBroker;
  let ada: End;
  let bob: End;
  let viewer: ViewerWire;
  beforeAll(async () => {
    at = await startBroker();
    viewer = await views(at, "olga-of-the-pairs", "graph");
    ada = await enter[from](at, "ada-of-the-pairs");
    bob = await enter.PAN(at, "bob-of-the-pairs");
  });
  afterAll(async () => {
    for (const end of [ada, bob, viewer]) end.close();
    await at.stop();
  });

  it("what it tells somebody is seen, with its words, under the names of both", async () => {
    await ada.tells(bob.name, "the sky is blue");
    await bob.hears("the sky is blue");
    const { payload } = await viewer.hears(shows("the sky is blue"));
    expect(payload).toMatchObject({ from: { id: ada.name }, to: [{ id: bob.name }] });
  });

  it("what it says in a room is seen", async () => {
    await ada.joins("#pairs");
    await ada.tells("#pairs", "hello room");
    const { payload } = await viewer.hears(shows("hello room"));
    expect(payload).toMatchObject({ from: { id: ada.name }, to: [{ id: "#pairs" }] });
  });
});

describe.each(dialectNames)("Visualisation to %s", (to) => {
  let at: TestBroker;
  let bob: End;
  let operator: ViewerWire;
  beforeAll(async () => {
    at = await startBroker();
    bob = await enter[to](at, "bob-of-the-pairs");
    operator = await views(at, "olga-of-the-pairs", "control");
  });
  afterAll(async () => {
    for (const end of [bob, operator]) end.close();
    await at.stop();
  });

  it("a command is heard as a question, and its answer is the command's result", async () => {
    const parameters = { tool: "web_search", maxResults: 10 };
    const payload = { targetAgent: bob.name, command: "execute_tool", parameters, timeout: 30_000 };
    operator.say({ id: "msg-131", type: "control.execute", payload, metadata: { correlationId: "c-131" } });
    const heard = await bob.hears('execute_tool {"tool":"web_search","maxResults":10}');
    if (typed.has(to)) expect(heard.type).toBe("request");
    expect(heard).toMatchObject({ from: expect.stringContaining("control-") as string, to: bob.name });
    await bob.answers(heard, "42 papers");
    expect(await operator.hears(({ type }) => type === "control.result")).toMatchObject({
      payload: { targetAgent: bob.name, status: "completed", result: { message: "42 papers" }, requestId: "msg-131" },
      metadata: { correlationId: "c-131" },
    });
  });

  it("a command to somebody who has left is told so", async () => {
    const { agents } = at.broker.status();
    bob.close();
    await eventually(() => at.broker.status().agents < agents, "bob has left");
    operator.say({ id: "msg-132", type: "control.execute", payload: { targetAgent: bob.name, command: "rest" } });
    expect(await operator.hears(({ type }) => type === "error")).toMatchObject({
      payload: { code: "AGENT_NOT_FOUND", details: { requestId: "msg-132" } },
    });
  });
});

describe("Visualisation to Visualisation", () => {
  it("one operator's command, and its answer, are seen by another", async () => {
    const at = await startBroker();
    const bob = await enter.PAN(at, "bob-of-the-pairs");
    const operator = await views(at, "olga-of-the-pairs", "control");
    const viewer = await views(at, "otto-of-the-pairs", "graph");
    operator.say({ id: "msg-131", type: "control.execute", payload: { targetAgent: bob.name, command: "rest" } });
    const heard = await bob.hears("rest");
    const seen = await viewer.hears(shows("rest"));
    expect(seen.payload).toMatchObject({
      messageId: "msg-131",
      from: { id: heard.from },
      to: [{ id: bob.name }],
      messageType: "REQUEST",
    });
    await bob.answers(heard, "I rest");
    await operator.hears(({ type }) => type === "control.result");
    expect((await viewer.hears(shows("I rest"))).payload).toMatchObject({
      from: { id: bob.name },
      to: [{ id: heard.from }],
      messageType: "RESPONSE",
    });
    for (const end of [bob, operator, viewer]) end.close();
    await at.stop();
  });
});
