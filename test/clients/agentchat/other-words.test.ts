import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatClient } from "../../../clients/typescript/agentchat/client.js";
import { HeardBefore } from "../../../clients/typescript/agentchat/heard-before.js";
import { readFrame, type ServerEventOf } from "../../../clients/typescript/agentchat/events.js";
import { FakeServer, told } from "./fake-server.js";

/** One event, read by `@me` at 7. */
function read(event: object): unknown {
  const events = readFrame(JSON.stringify(event), 7, "@me");
  expect(events).toHaveLength(1);
  return events[0];
}

describe("what a server of other makers says, in our words", () => {
  it("lists agents by their ids, with the names beside them", () => {
    const agents = [
      { id: "@a1", name: "ada", verified: false },
      null,
      "@b2",
      { id: "@eve", name: "eve" },
      { id: "@x" },
    ];
    const inOurs = { names: { "@a1": "ada" }, ts: 7 };
    expect(read({ type: "JOINED", channel: "#one", agents })).toEqual({
      type: "JOINED",
      channel: "#one",
      agents: ["@a1", "@b2", "@eve", "@x"],
      ...inOurs,
    });
    expect(read({ type: "AGENTS", channel: "#one", list: agents })).toMatchObject({
      list: ["@a1", "@b2", "@eve", "@x"],
      ...inOurs,
    });
  });

  it("takes no id that is no text, and no name of an id for a property of all objects", () => {
    expect(read({ type: "JOINED", channel: "#one", agents: [{ id: 7 }] })).toMatchObject({ code: "INVALID_MSG" });
    const odd = readFrame('{"type":"JOINED","channel":"#one","agents":[{"id":"__proto__","name":"x"}]}', 7);
    expect(odd[0]).toMatchObject({ agents: ["__proto__"] });
    expect(({} as Record<string, unknown>)["name"]).toBeUndefined();
    expect(Object.keys((odd[0] as ServerEventOf<"JOINED">).names ?? {})).toEqual(["__proto__"]);
  });

  it("leaves by itself where nobody is named", () => {
    expect(read({ type: "LEFT", channel: "#one" })).toMatchObject({ agent: "@me" });
    expect(read({ type: "LEFT", channel: "#one", agent: null })).toMatchObject({ agent: "@me" });
    expect(read({ type: "LEFT", channel: "#one", agent: "@bob" })).toMatchObject({ agent: "@bob" });
  });

  const message = { type: "MSG", ts: 1, from: "@bob", to: "#one", content: "hi" };

  it("says of a signature only what was said with its key; what is thought of the sender has another name", () => {
    expect(read({ ...message, verified: true, sig: "s" })).toEqual({
      ...message,
      from_name: "bob",
      msg_id: "",
      sig: "s",
      sender_verified: true,
    });
    expect(read({ ...message, verified: false, sig: "s", pubkey: "k" })).toMatchObject({
      verified: false,
      pubkey: "k",
    });
    expect(read({ ...message, verified: "yes" })).not.toHaveProperty("sender_verified");
  });

  it("takes null, and an empty id, for nothing", () => {
    const said = { ...message, from_name: null, msg_id: "", in_reply_to: "", sig: null, pubkey: null, verified: null };
    expect(read(said)).toEqual({ ...message, from_name: "bob", msg_id: "" });
  });

  it("reads steps that say neither who took them nor for whom, or the parties of the proposal", () => {
    const step = { ts: 1, proposal_id: "p1", updated_at: 1, sig: "s" };
    expect(read({ ...step, type: "ACCEPT" })).toMatchObject({ from: "", to: "", status: "accepted", id: "p1" });
    const parties = { from: "@proposer", to: "@partner" };
    const turned = { from: "@partner", to: "@proposer" };
    expect(read({ ...step, ...parties, type: "ACCEPT" })).toMatchObject(turned);
    expect(read({ ...step, ...parties, type: "REJECT" })).toMatchObject(turned);
    expect(read({ ...step, ...parties, type: "COMPLETE", completed_by: "@proposer" })).toMatchObject(parties);
    expect(read({ ...step, ...parties, type: "DISPUTE", disputed_by: "@partner" })).toMatchObject(turned);
    expect(read({ ...step, ...turned, type: "ACCEPT", updated_at: null })).toMatchObject(turned); // as ours say it
  });

  it.each([
    { type: "TYPING", from: "@bob", channel: "#one" },
    { type: "VERIFY_SUCCESS", request_id: "v1", agent: "@bob", pubkey: "k" },
    { type: "OTHER", said: { type: "MSG" } },
    { type: "constructor" },
    { type: "" },
  ])("passes on what it does not know: %j", (said) => {
    expect(read(said)).toEqual({ type: "OTHER", ts: 7, said });
  });

  it("reads the frame of a displaced session as the refusal that it is", () => {
    expect(read({ type: "SESSION_DISPLACED", reason: "somebody else", new_ip: "::1" })).toEqual({
      type: "ERROR",
      code: "SESSION_DISPLACED",
      message: "somebody else",
      ts: 7,
    });
    expect(read({ type: "SESSION_DISPLACED" })).toMatchObject({ code: "SESSION_DISPLACED", ts: 7 });
    expect(read({ type: "SESSION_DISPLACED", reason: { a: 1 } })).toMatchObject({ code: "INVALID_MSG" });
  });
});

describe("a client whose session is displaced", () => {
  let fake: FakeServer;
  let client: AgentChatClient;
  beforeEach(async () => {
    fake = await FakeServer.start();
    client = new AgentChatClient({ server: fake.url, name: "ada" });
  });
  afterEach(async () => {
    await client.disconnect();
    await fake.stop();
  });

  it.each([
    ["an ERROR", [{ type: "ERROR", code: "SESSION_DISPLACED", message: "gone" }], 1000, ""],
    ["a frame of its own", [{ type: "SESSION_DISPLACED", reason: "gone" }], 1000, ""],
    [
      "both",
      [
        { type: "ERROR", code: "SESSION_DISPLACED", message: "gone" },
        { type: "SESSION_DISPLACED", message: "gone" },
      ],
      4409,
      "",
    ],
    ["only the words with which it closes", [], 1000, "Identity claimed by another"],
  ])("hears it by %s, is told once, and does not come back", async (_how, said, code, reason) => {
    const [peer] = await Promise.all([fake.welcome(), client.connect()]);
    const words: string[] = [];
    client.on("error", ({ message }) => words.push(message));
    client.on("reconnecting", () => words.push("it comes back"));
    const [closed, pinging] = [told(client, "close"), client.ping().catch((thrown: unknown) => thrown)];
    await peer.hears("PING");
    peer.says(...said);
    peer.socket.close(code, reason);
    expect(await closed).toMatchObject({ code: 4409 });
    expect(await pinging).toMatchObject({ code: "SESSION_DISPLACED" });
    expect(words).toEqual(said.length === 0 ? [] : ["gone"]);
    expect(client.connected).toBe(false);
  });

  it("is told of what it does not know by the event other", async () => {
    const [peer] = await Promise.all([fake.welcome(), client.connect()]);
    const other = told(client, "other");
    peer.says({ type: "TYPING", from: "@bob", status: null });
    expect(await other).toEqual({ type: "TYPING", from: "@bob" });
  });
});

describe("what was heard before", () => {
  const said: ServerEventOf<"MSG"> = {
    ...{ type: "MSG", ts: 1, from: "@bob", from_name: "bob", to: "#one", content: "hi", msg_id: "m1" },
  };

  it("is known by sender and id, without an id by sender, target, time and text, when it is told again", () => {
    const heard = new HeardBefore();
    expect(heard.isRepeated(said)).toBe(false);
    expect(heard.isRepeated(said)).toBe(false); // said again is not told again
    expect(heard.isRepeated({ ...said, replay: true, ts: 2, content: "masked" })).toBe(true);
    expect(heard.isRepeated({ ...said, replay: true, from: "@eve" })).toBe(false);
    const bare = { ...said, msg_id: "" };
    expect(heard.isRepeated(bare)).toBe(false);
    expect(heard.isRepeated({ ...bare, replay: true })).toBe(true);
    for (const other of [{ ts: 2 }, { to: "#two" }, { content: "ho" }, { from: "@eve" }])
      expect(heard.isRepeated({ ...bare, ...other, replay: true })).toBe(false);
  });

  it("is told all the same where it was asked for, until the connection ends", () => {
    const heard = new HeardBefore();
    heard.isRepeated(said);
    heard.want("#one");
    expect(heard.isRepeated({ ...said, replay: true })).toBe(false);
    heard.begin();
    expect(heard.isRepeated({ ...said, replay: true })).toBe(true);
  });

  it("is forgotten, the oldest first, beyond 4096", () => {
    const heard = new HeardBefore();
    for (let n = 0; n <= 4_096; n += 1) heard.isRepeated({ ...said, msg_id: `m${n}` });
    expect(heard.isRepeated({ ...said, msg_id: "m1", replay: true })).toBe(true);
    expect(heard.isRepeated({ ...said, msg_id: "m0", replay: true })).toBe(false);
  });
});
