import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Fault, Message } from "../../src/core/index.js";
import { settled } from "../../src/conformance/conversation.js";
import { deskKinds } from "../../src/desk/kinds.js";
import { WaitingKind } from "../kit/waiting-kind.js";
import { ZeromqWorld, proved } from "../kit/zeromq-world.js";

describe("the broker's desk", () => {
  let world: ZeromqWorld;
  beforeEach(() => {
    world = new ZeromqWorld({ brokerRatePerSecond: 1, brokerRateBurst: 20 });
  });
  afterEach(async () => {
    expect(world.isExact).toBe(true);
    await world.close();
  });

  it("answers on the asker's own topic, as a response from $broker", () => {
    const ada = world.subscriber(["ada"]);
    const id = world.send(world.publisher(), "ada", "$broker", "request", { message: "ping", kind: "ping" });
    expect(ada.heard).toMatchObject([
      { topic: "ada", from: "$broker", type: "response", inReplyTo: id, kind: "ping", text: "pong" },
    ]);
  });

  it.each(["", "help", "constructor", "__proto__", "toString"])("refuses kind %j and names those it knows", (kind) => {
    const ada = world.subscriber(["ada"]);
    const [answer] = world.ask(world.publisher(), "ada", ada, kind);
    expect(answer).toMatchObject({
      kind: "fault",
      data: { code: "unsupported" },
      text: expect.stringContaining("room.join") as string,
    });
    expect(answer?.text).not.toContain("broker.status"); // the operator's alone
  });

  it("leaves responses and informs alone", () => {
    const ada = world.subscriber(["ada"]);
    for (const type of ["response", "inform"])
      world.send(world.publisher(), "ada", "$broker", type, { message: "ping", kind: "ping" });
    expect(ada.heard).toEqual([]);
  });

  it("answers nobody's request to a name on another machine or in another dialect", () => {
    const far = world.subscriber(["far"], { remote: "10.0.0.1" });
    const bot = world.session("bot");
    for (const from of ["far", "bot", "nobody"])
      world.send(world.publisher(), from, "$broker", "request", { message: "ping", kind: "ping" });
    expect([far.heard, bot.heard]).toEqual([[], []]);
    expect(world.ledger.reasons).toMatchObject({ "asked-unheard": 2, "from-forged": 1 });
  });

  it("charges each connection by itself, and lists by their length", () => {
    const ada = world.subscriber(["ada"]);
    const busy = world.publisher();
    for (let n = 0; n < 21; n += 1) world.send(busy, "ada", "$broker", "request", { message: "ping", kind: "ping" });
    expect(ada.heard.filter(({ kind }) => kind === "ping")).toHaveLength(20);
    expect(ada.heard.at(-1)).toMatchObject({ data: { code: "rate-limited", retry_after_ms: 1_000 } });
    expect(world.ask(world.publisher(), "ada", ada, "ping")).toMatchObject([{ text: "pong" }]);
    for (let n = 0; n < 500; n += 1) world.session(`bot ${String(n)}`);
    const lists = world.publisher();
    const answers = Array.from({ length: 4 }, () => world.ask(lists, "ada", ada, "agents.list")[0]?.kind);
    expect(answers).toEqual(["agents.list", "agents.list", "agents.list", "fault"]);
  });

  it("gives lists of any length, to whoever has not asked for long; to the operator at once and again", () => {
    const ada = world.subscriber(["ada"]);
    for (let n = 0; n < 2_000; n += 1) world.session(`bot ${String(n)}`);
    const by = world.publisher();
    const lists = (): unknown[] =>
      ["agents.list", "agents.list"].map((kind) => world.ask(by, "ada", ada, kind)[0]?.kind);
    expect(lists()).toEqual(["agents.list", "fault"]);
    world.clock.advance(20_000);
    expect(lists()).toEqual(["agents.list", "fault"]);
    const operator = world.subscriber([], { principal: proved("operator", ["operate"]) });
    const asOperator = world.publisher({ principal: proved("operator", ["operate"]) });
    for (let n = 0; n < 30; n += 1)
      expect(world.ask(asOperator, "operator", operator, "agents.list")).toMatchObject([{ kind: "agents.list" }]);
  });

  it("looks nothing up for a list that is not paid for", () => {
    const ada = world.subscriber(["ada"]);
    const by = world.publisher();
    for (let n = 0; n < 20; n += 1) world.ask(by, "ada", ada, "ping");
    const rooms = vi.spyOn(world.directory, "rooms");
    const members = vi.spyOn(world.directory, "members");
    const agents = vi.spyOn(world.directory, "agents");
    for (const kind of ["rooms.list", "agents.list", "room.members", "room.join"])
      expect(world.ask(by, "ada", ada, kind, { room: "#general" })).toMatchObject([{ data: { code: "rate-limited" } }]);
    for (const looked of [rooms, members, agents]) expect(looked).not.toHaveBeenCalled();
    expect(world.directory.memberCount("#general", undefined)).toBe(0);
  });

  it("charges for one request what it refuses, however long the list would have been", () => {
    const ada = world.subscriber(["ada"]);
    for (let n = 0; n < 2_000; n += 1) world.session(`bot ${String(n)}`);
    const by = world.publisher();
    for (const [kind, code] of [
      ["room.join", "malformed"],
      ["room.dance", "unsupported"],
      ["broker.status", "forbidden"],
    ] as const)
      expect(world.ask(by, "ada", ada, kind)).toMatchObject([{ data: { code } }]);
    for (let n = 0; n < 17; n += 1) expect(world.ask(by, "ada", ada, "ping")).toMatchObject([{ text: "pong" }]);
    expect(world.ask(by, "ada", ada, "ping")).toMatchObject([{ data: { code: "rate-limited" } }]);
  });

  it("lists agents of all dialects, those behind proxies marked", () => {
    const ada = world.subscriber([], { declared: "ada" });
    world.subscriber(["bob"], { socketType: "XSUB" });
    world.clock.advance(world.limits.zmqInferredMs);
    world.session("bot");
    const [answer] = world.ask(world.publisher(), "ada", ada, "agents.list");
    expect(answer?.data).toMatchObject({
      agents: [
        { name: "ada", dialect: "zmq", trust: "claimed" },
        { name: "bob", via: "proxy" },
        { name: "bot", dialect: "pan", trust: "shared" },
      ],
    });
  });

  it("makes whoever asks a member, says that the socket has to subscribe, and gives the past after the answer", () => {
    const bot = world.session("bot");
    for (const text of ["1", "2", "3"]) bot.say("#general", "inform", text);
    const ada = world.subscriber(["ada"]);
    const answers = world.ask(world.publisher(), "ada", ada, "room.join", { room: "#general", history: 2 });
    expect(answers[0]).toMatchObject({
      kind: "room.join",
      text: expect.stringContaining("has to subscribe") as string,
      data: { room: "#general", members: ["ada"] },
    });
    expect(answers.slice(1)).toMatchObject([
      { topic: "ada", to: "#general", text: "2", type: "inform", replay: true },
      { text: "3", replay: true },
    ]);
    bot.say("#general", "inform", "4");
    expect(ada.heard.at(-1)).toMatchObject({ topic: "#general", text: "4", replay: false });
    expect(world.ask(world.publisher(), "ada", ada, "room.leave", { room: "#general" })).toMatchObject([
      { text: "you left #general" },
    ]);
    bot.say("#general", "inform", "5");
    expect(ada.texts).not.toContain("5");
    expect(world.ask(world.publisher(), "ada", ada, "room.leave", { room: "#general" })).toMatchObject([
      { text: "you were not in #general" },
    ]);
  });

  it("takes for the past by its length, before it is read, and reads it once for all who ask", () => {
    const bot = world.session("bot");
    for (let n = 0; n < 10; n += 1) bot.say("#general", "inform", "x".repeat(64_000));
    const read = vi.spyOn(Message, "fromPayload");
    const asks = (kind: string, data: object): string[] => {
      const ada = world.subscriber(["ada"]);
      const by = world.publisher();
      for (let n = 0; n < 3; n += 1) world.ask(by, "ada", ada, kind, { room: "#general", ...data });
      return ada.heard.filter(({ topic, replay }) => topic === "ada" && !replay).map(({ kind }) => kind ?? "");
    };
    expect(asks("room.history", { count: 10 })).toEqual(["room.history", "fault", "fault"]);
    const once = read.mock.calls.filter(([payload]) => payload.length > 64_000).length;
    expect(asks("room.join", { history: 10 })).toEqual(["room.join", "fault", "fault"]);
    expect(asks("room.history", { count: 1 })).toEqual(["room.history", "room.history", "room.history"]);
    expect(read.mock.calls.filter(([payload]) => payload.length > 64_000)).toHaveLength(once);
    expect(once).toBe(10);
    read.mockRestore();
  });

  it("takes arguments from content.data or content itself, and refuses wrong ones by name", () => {
    const ada = world.subscriber(["ada"]);
    const by = world.publisher();
    world.send(by, "ada", "$broker", "request", { message: "join", kind: "room.join", room: "#lab" });
    expect(ada.heard.at(-1)).toMatchObject({ kind: "room.join" });
    for (const data of [
      {},
      { room: 5 },
      { room: "#lab", history: -1 },
      { room: "#lab", history: "all" },
      { room: "lab" },
    ]) {
      expect(world.ask(by, "ada", ada, "room.join", data)).toMatchObject([
        { kind: "fault", data: { code: "malformed" } },
      ]);
    }
    expect(world.ask(by, "ada", ada, "room.create", { room: "#x", invite_only: "yes" })).toMatchObject([
      { data: { code: "malformed" } },
    ]);
  });

  it("shows a claimed name no invite-only room, even one that a session of that name was invited to", () => {
    const owner = world.subscriber([], { principal: proved("owner") });
    const asOwner = world.publisher({ principal: proved("owner") });
    world.ask(asOwner, "owner", owner, "room.create", { room: "#inner", invite_only: true });
    const ada = world.subscriber(["ada"]);
    world.ask(asOwner, "owner", owner, "room.invite", { room: "#inner", agent: "ada" });
    const by = world.publisher();
    expect(JSON.stringify(world.ask(by, "ada", ada, "rooms.list")[0]?.data)).not.toContain("#inner");
    expect(world.ask(by, "ada", ada, "room.members", { room: "#inner" })).toMatchObject([
      { data: { code: "forbidden" } },
    ]);
    expect(world.ask(by, "ada", ada, "room.history", { room: "#inner" })).toMatchObject([
      { data: { code: "forbidden" } },
    ]);
    expect(world.ask(by, "ada", ada, "room.join", { room: "#inner" })).toMatchObject([{ data: { code: "forbidden" } }]);
    expect(world.ask(by, "ada", ada, "room.create", { room: "#mine", invite_only: true })).toMatchObject([
      { data: { code: "forbidden" } },
    ]);
    expect(JSON.stringify(world.ask(asOwner, "owner", owner, "rooms.list")[0]?.data)).toContain("#inner");
  });

  it("shows its ledgers to the operator, who is no agent on any list", () => {
    const operator = world.subscriber([], { principal: proved("operator", ["operate"]) });
    const ada = world.subscriber(["ada"]);
    expect(
      world.ask(world.publisher({ principal: proved("operator", ["operate"]) }), "operator", operator, "broker.status"),
    ).toMatchObject([{ kind: "broker.status", data: { up: true } }]);
    expect(world.ask(world.publisher(), "ada", ada, "broker.status")).toMatchObject([{ data: { code: "forbidden" } }]);
    expect(world.online).toEqual(["ada"]);
  });

  it("lets one answer of a connection wait, beside its other questions, and ends the wait with the connection", async () => {
    const waiting = new WaitingKind();
    await world.close();
    world = new ZeromqWorld({}, { kinds: { ...deskKinds, "test.wait": waiting.row } });
    const ada = world.subscriber(["ada"]);
    const [one, two] = [world.publisher(), world.publisher()];
    const wait = { wait_ms: 60_000 };
    const kinds = (): unknown[] =>
      ada.heard.map(({ kind, data }) => (data as { code?: string } | undefined)?.code ?? kind);
    world.ask(one, "ada", ada, "test.wait", wait);
    world.ask(one, "ada", ada, "ping");
    world.ask(one, "ada", ada, "test.wait", wait);
    world.ask(two, "ada", ada, "test.wait", wait);
    expect(kinds()).toEqual(["ping", "full"]);
    waiting.gives("mail");
    await settled();
    expect(ada.heard.at(-1)).toMatchObject({ kind: "test.wait", text: "mail" });
    world.agents.publisherGone(two);
    await settled();
    expect(waiting.untils[1]?.aborted).toBe(true);
    expect(kinds()).toEqual(["ping", "full", "test.wait"]);
    world.ask(one, "ada", ada, "test.wait", wait);
    world.clock.advance(world.limits.brokerWaitMaxMs);
    await settled();
    expect(ada.heard.at(-1)).toMatchObject({ kind: "test.wait", text: "nothing" });
    world.ask(one, "ada", ada, "test.wait", wait);
    waiting.refuses(new Fault("unavailable", "the disk is full")); // the one that is gone
    waiting.refuses(new Fault("unavailable", "the disk is full")); // the one whose time is over
    waiting.refuses(new Fault("unavailable", "the disk is full"));
    await settled();
    expect(ada.heard.at(-1)).toMatchObject({ kind: "fault", data: { code: "unavailable" } });
  });

  it("answers agents of other dialects what needs no connection", () => {
    const bot = world.session("bot");
    world.ledger.messages.accepted += 0;
    bot.say("$broker", "request", "hello");
    expect(bot.heard.map(({ content }) => content.data)).toMatchObject([{ code: "unsupported" }]);
  });
});
