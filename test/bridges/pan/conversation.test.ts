import { afterEach, describe, expect, it } from "vitest";
import type { BrokerOptions } from "../../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PanWire, panToken, type PanFrame } from "../../kit/pan-wire.js";
import { issueToken } from "../../kit/tokens.js";

describe("PAN over a real socket", () => {
  let at: TestBroker;
  let token: string;
  const open: PanWire[] = [];

  async function begin(options: BrokerOptions = {}): Promise<void> {
    at = await startBroker(options);
    token = panToken(at.dataDir);
  }
  async function login(agentId: string, own = token): Promise<PanWire> {
    const wire = await PanWire.login(at.pan, agentId, own);
    open.push(wire);
    return wire;
  }
  async function stranger(): Promise<PanWire> {
    const wire = await PanWire.open(at.pan);
    open.push(wire);
    return wire;
  }
  afterEach(async () => {
    for (const wire of open.splice(0)) wire.close();
    await at.stop();
  });

  it.each<[string, (wire: PanWire) => void]>([
    [
      "a wrong token",
      (wire) => {
        wire.say({ type: "auth", agentId: "ada", token: "wrong" });
      },
    ],
    [
      "no token",
      (wire) => {
        wire.say({ type: "auth", agentId: "ada" });
      },
    ],
    [
      "a name that cannot be one",
      (wire) => {
        wire.say({ type: "auth", agentId: "#ada", token });
      },
    ],
    [
      "a reserved name",
      (wire) => {
        wire.say({ type: "auth", agentId: "ALL", token });
      },
    ],
    [
      "a first frame that is no auth",
      (wire) => {
        wire.say({ type: "list" });
      },
    ],
    [
      "a first frame that is no JSON",
      (wire) => {
        wire.raw("hello?");
      },
    ],
    ["silence", () => undefined],
  ])("answers %s with AUTH_FAILED and close 1008", async (_about, act) => {
    await begin({ limits: { wsLoginMs: 300 } });
    const wire = await stranger();
    act(wire);
    expect(await wire.hears("error")).toMatchObject({ code: "AUTH_FAILED" });
    expect(await wire.closed).toMatchObject({ code: 1008 });
  });

  it("takes frames that were sent behind auth without waiting, in order", async () => {
    await begin();
    const bob = await login("bob");
    const ada = await stranger();
    ada.say({ type: "auth", agentId: "ada", token });
    ada.say({ type: "join", room: "#lab" });
    for (const n of [1, 2, 3]) ada.say({ type: "chat", to: "bob", text: `${n}`, intent: "inform" });
    const frames = [await ada.hears("system"), await ada.hears("system")];
    expect(frames.map((frame) => frame["status"])).toEqual(["success", "joined"]);
    for (const n of [1, 2, 3]) expect(await bob.hears("chat")).toMatchObject({ text: `${n}`, from: "ada" });
  });

  it.each<[string, PanFrame | string, string]>([
    ["a sender that is not the speaker", { type: "chat", to: "bob", text: "x", from: "bob" }, "INVALID_FORMAT"],
    ["a room without #", { type: "join", room: "lab" }, "INVALID_FORMAT"],
    ["a second auth", { type: "auth", agentId: "eve", token: "x" }, "INVALID_FORMAT"],
    ["nobody", { type: "chat", to: "ghost", text: "x" }, "AGENT_NOT_FOUND"],
    ["an unknown room", { type: "chat", to: "#nowhere", text: "x" }, "AGENT_NOT_FOUND"],
    ["leaving a room that is not there", { type: "leave", room: "#nowhere" }, "AGENT_NOT_FOUND"],
    ["bytes that are no JSON", "{", "INVALID_FORMAT"],
  ])("answers %s with an error, and the connection lives", async (_about, frame, code) => {
    await begin();
    const ada = await login("ada");
    if (typeof frame === "string") ada.raw(frame);
    else ada.say({ ...frame, ...(frame.type === "chat" && { messageId: "mine" }) });
    const error = await ada.hears("error");
    expect(error).toMatchObject({ code });
    expect(String(error["message"])).not.toBe("");
    if (typeof frame !== "string" && frame.type === "chat") expect(error["messageId"]).toBe("mine");
    await ada.settled();
  });

  it("keeps text whole up to the frame limit, refuses more, and closes on twice as much", async () => {
    await begin({ limits: { wsFrameMaxBytes: 4_096 } });
    const [ada, bob] = [await login("ada"), await login("bob")];
    const text = "ä\n\u{1F916}".repeat(500);
    ada.say({ type: "chat", to: "bob", text });
    expect((await bob.hears("chat"))["text"]).toBe(text);
    ada.say({ type: "chat", to: "bob", text: "x".repeat(5_000), messageId: "long" });
    expect(await ada.hears("error")).toMatchObject({
      code: "INVALID_FORMAT",
      messageId: "long",
      message: expect.stringMatching(/4096 bytes at most/) as string,
    });
    ada.say({ type: "chat", to: "bob", text: "x".repeat(9_000) });
    expect(await ada.closed).toMatchObject({ code: 1009 });
    await bob.settled();
  });

  it("says RATE_LIMIT when it is too fast, to `all` sooner, and closes after too many", async () => {
    await begin({ limits: { abuseRefusalsMax: 20 } });
    const ada = await login("ada");
    const bob = await login("bob");
    for (let n = 0; n < 3; n += 1) bob.say({ type: "chat", to: "all", text: `${n}` });
    expect(await bob.hears("error")).toMatchObject({ code: "RATE_LIMIT", retryAfter: expect.any(Number) as number });
    for (let n = 0; n < 12; n += 1) ada.say({ type: "chat", to: "bob", text: `${n}`, intent: "inform" });
    expect(await ada.hears("error")).toMatchObject({ code: "RATE_LIMIT" });
    for (let n = 0; n < 40; n += 1) ada.say({ type: "chat", to: "bob", text: `${n}` });
    expect(await ada.closed).toMatchObject({ code: 1008 });
  });

  it("says room_full, NOT_INVITED or nothing of a room, as its rules are", async () => {
    await begin({ limits: { roomMembersMax: 1 } });
    const [ada, bob] = [await login("ada"), await login("bob")];
    ada.say({ type: "join", room: "#tiny" });
    await ada.hears((frame) => frame["status"] === "joined");
    bob.say({ type: "join", room: "#tiny" });
    expect(await bob.hears("error")).toMatchObject({ code: "room_full" });
  });

  it("keeps the name of a living session, and gives it to whoever proves it", async () => {
    await begin();
    const first = await login("ada");
    const second = await stranger();
    second.say({ type: "auth", agentId: "ada", token });
    expect(await second.hears("error")).toMatchObject({ code: "AGENT_ID_IN_USE" });
    await first.settled();
    const own = await issueToken(at.dataDir, "ada", "ws");
    const owner = await login("ada", own);
    expect(await first.closed).toMatchObject({ code: 4409 });
    const again = await login("ada", own);
    expect(await owner.closed).toMatchObject({ code: 4409 });
    await again.settled();
    const third = await stranger();
    third.say({ type: "auth", agentId: "ada", token });
    expect(await third.hears("error")).toMatchObject({ code: "AGENT_ID_IN_USE" });
  });

  it("lists agents by id and name, and says goodbye with 1001", async () => {
    await begin();
    const ada = await login("ada");
    await login("bob");
    ada.say({ type: "list" });
    expect(await ada.hears("list")).toEqual({
      type: "list",
      agents: [
        { id: "ada", name: "ada" },
        { id: "bob", name: "bob" },
      ],
    });
    const stopped = at.broker.stop();
    expect(await ada.closed).toMatchObject({ code: 1001 });
    await stopped;
  });

  it("leaves nothing behind", async () => {
    await begin();
    const ada = await login("ada");
    ada.say({ type: "join", room: "#lab" });
    await ada.hears((frame) => frame["status"] === "joined");
    ada.close();
    await eventually(() => at.broker.status().agents === 0 && at.broker.status().connections.ws === 0, "ada is gone");
    expect(at.broker.status().ledger.copies.pending).toBe(0);
  });
});
