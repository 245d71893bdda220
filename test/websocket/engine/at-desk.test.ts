import { beforeEach, describe, expect, it } from "vitest";
import { Fault, principal } from "../../../src/core/index.js";
import { settled, type Conversation } from "../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { deskKinds } from "../../../src/desk/kinds.js";
import { probe, type ProbeSession } from "../../kit/probe-dialect.js";
import { WaitingKind } from "../../kit/waiting-kind.js";

/** Asks, and tells the answer as an event. */
const asks =
  (kind: string, data?: Readonly<Record<string, unknown>>, options?: { readonly createsRooms: boolean }) =>
  (session: ProbeSession): void | Promise<void> =>
    session.ask(
      kind,
      data,
      ({ kind: answered, json }) => {
        session.send({ type: "answer", of: answered, ...(JSON.parse(json) as object) });
      },
      options,
    );

describe("a session at the broker's desk", () => {
  let world: ConformanceWorld;
  let waiting: WaitingKind;
  const begin = (limits: Readonly<Record<string, number>> = {}): void => {
    waiting = new WaitingKind();
    const handlers = {
      ping: asks("ping"),
      dance: asks("dance"),
      wait: asks("test.wait", { wait_ms: 5_000 }),
      "wait for ever": asks("test.wait", { wait_ms: 1e12 }),
      "wait not at all": asks("test.wait"),
      agents: asks("agents.list"),
      status: asks("broker.status"),
      join: asks("room.join", { room: "#tea" }),
      "join what is there": asks("room.join", { room: "#tea" }, { createsRooms: false }),
      "join with the past": asks("room.join", { room: "#tea", history: 9 }),
      leave: asks("room.leave", { room: "#tea" }),
      make: asks("room.create", { room: "#den", invite_only: true }),
      "say tea": (session: ProbeSession) => void session.inform({ to: "#tea", content: { message: "tea" } }),
      rename: (session: ProbeSession) => session.rename(principal("ada 2", "claimed")),
    };
    world = new ConformanceWorld([probe(handlers)], { kinds: { ...deskKinds, "test.wait": waiting.row }, limits });
  };
  beforeEach(() => {
    begin();
  });
  const enter = async (name: string, token?: string): Promise<Conversation> => {
    const client = world.connect("/probe");
    await client.says({ type: "login", name, token });
    await client.hears({ type: "welcome" });
    return client;
  };
  const does = (client: Conversation, what: string): Promise<void> => client.says({ type: "do", what });

  it("is answered itself: neither the question nor the answer is a message that others could hear", async () => {
    const ada = await enter("ada");
    const heard = world.neighbour("ada");
    const { accepted } = world.ledger.messages;
    await does(ada, "ping");
    expect(ada.all()).toEqual([
      { type: "answer", of: "ping", message: "pong", data: { connections: 2 }, kind: "ping" },
    ]);
    expect(heard).toEqual([]);
    expect(world.ledger.messages.accepted).toBe(accepted);
  });

  it("hears rooms that it joins, makes and leaves there, and their past behind the answer", async () => {
    const [ada, bob] = [await enter("ada"), await enter("bob", "own bob")];
    await does(ada, "join what is there");
    await ada.hears({ type: "refused", code: "not-found" });
    await does(ada, "join");
    await ada.hears({ message: "you joined #tea", data: { room: "#tea", members: ["ada"] } });
    await does(bob, "say tea");
    await ada.hears({ text: "tea" });
    await does(bob, "join with the past");
    expect(bob.all()).toMatchObject([{ of: "room.join" }, { text: "tea", replay: true }]);
    await does(ada, "leave");
    await ada.hears({ message: "you left #tea" });
    await does(bob, "make");
    await bob.hears({ message: "you made #den, for invited members only" });
    expect(world.directory.members("#den", world.identity.token("bob", "own bob"))).toEqual(["bob"]);
    world.expectSound();
  });

  it("is asked by operators what is theirs", async () => {
    const [ada, boss] = [await enter("ada", "own ada"), await enter("boss", "operating boss")];
    await does(ada, "status");
    await ada.hears({ type: "refused", code: "forbidden" });
    await does(boss, "status");
    await boss.hears({ of: "broker.status", data: { up: true } });
  });

  it("takes the price from the session that asks, by the length of the answer, once, and forgets it at the end", async () => {
    begin({ brokerRatePerSecond: 1, brokerRateBurst: 3 });
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    for (let n = 0; n < 300; n += 1) world.neighbour(`n ${String(n)}`);
    await does(ada, "agents"); // costs a full bucket
    await does(ada, "ping");
    await does(bob, "dance");
    await does(bob, "ping");
    await does(bob, "ping");
    await does(bob, "ping");
    const told = (client: Conversation): unknown[] => client.all().map(({ of, code }) => of ?? code);
    expect(told(ada)).toEqual(["agents.list", "rate-limited"]);
    expect(told(bob)).toEqual(["unsupported", "ping", "ping", "rate-limited"]);
    await ada.vanishes();
    const again = await enter("ada");
    await does(again, "ping");
    await again.hears({ of: "ping" });
  });

  it("goes on while an answer waits, which comes when it is there", async () => {
    const ada = await enter("ada");
    await does(ada, "wait");
    await does(ada, "ping");
    expect(ada.all()).toMatchObject([{ of: "ping" }]);
    waiting.gives("mail");
    await ada.hears({ of: "test.wait", message: "mail", kind: "test.wait" });
    expect(world.waiting).toBe(0);
  });

  it("waits for one answer at a time, each session by itself", async () => {
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    await does(ada, "wait");
    await does(ada, "wait");
    await ada.hears({ type: "refused", code: "full" });
    await does(bob, "wait");
    await bob.hearsNothing();
    waiting.gives("for ada");
    await ada.hears({ message: "for ada" });
    await does(ada, "wait");
    await ada.hearsNothing();
    expect(waiting.untils).toHaveLength(3);
  });

  it("hears what there is when the time is over, after brokerWaitMaxMs at the latest, or at once", async () => {
    const ada = await enter("ada");
    await does(ada, "wait");
    world.clock.advance(4_999);
    await ada.hearsNothing();
    world.clock.advance(1);
    await ada.hears({ message: "nothing" });
    await does(ada, "wait for ever");
    world.clock.advance(world.limits.brokerWaitMaxMs);
    await ada.hears({ message: "nothing" });
    await does(ada, "wait not at all");
    await ada.hears({ message: "nothing" });
  });

  it("is told in its dialect's words why an answer that waited does not come", async () => {
    const ada = await enter("ada");
    await does(ada, "wait");
    await does(ada, "ping");
    waiting.refuses(new Fault("unavailable", "the disk is full"));
    await ada.hears({ type: "refused", code: "unavailable" });
    world.expectSound();
  });

  it("ends its wait with itself: nothing may be handed over then, and nothing is said", async () => {
    const ada = await enter("ada");
    await does(ada, "wait");
    expect(waiting.untils[0]?.aborted).toBe(false);
    await ada.vanishes();
    expect(waiting.untils[0]?.aborted).toBe(true);
    await settled();
    expect(world.waiting).toBe(0);
    const again = await enter("ada");
    await does(again, "wait"); // nothing is left of the first
    await again.hearsNothing();
    world.expectSound();
  });

  it("is not told what was asked in a name that it has given up", async () => {
    const ada = await enter("ada");
    await does(ada, "wait");
    await does(ada, "rename");
    await ada.hears({ type: "refused", code: "unavailable" });
    expect(waiting.untils[0]?.aborted).toBe(true);
    await does(ada, "ping");
    await ada.hears({ of: "ping" });
    await ada.hearsNothing();
  });

  it("hears what there is when the broker stops", async () => {
    const ada = await enter("ada");
    await does(ada, "wait");
    await world.desk.drain();
    await ada.hears({ message: "nothing" });
  });
});
