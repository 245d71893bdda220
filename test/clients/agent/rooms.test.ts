import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../kit/broker.js";
import { Agent, type Envelope } from "../../../src/index.js";
import type { MessageListener } from "../../../clients/typescript/agent/link.js";
import { LocalAgents, next, transports } from "../../kit/local-agents.js";

const words = (past: readonly Envelope[]): readonly string[] => past.map(({ content }) => content.message);

describe.each(transports)("an agent and rooms, over %s", (transport) => {
  let world: LocalAgents;
  beforeEach(async () => {
    world = await LocalAgents.start(transport);
  });
  afterEach(() => world.stop());

  it("makes a room, hears it, and finds it made already", async () => {
    const [ada, bob] = [await world.join("ada"), await world.join("bob")];
    await ada.create("#den");
    await bob.inform("#den", "hello");
    expect(await next(ada)).toMatchObject({ to: "#den", content: { message: "hello" } });
    await expect(bob.create("#den")).rejects.toMatchObject({ code: "conflict" });
    await expect(bob.create("den")).rejects.toMatchObject({ code: "malformed" });
  });

  it("learns who is in a room by joining it and by asking", async () => {
    const [ada, bob] = [await world.join("ada"), await world.join("bob")];
    expect(await ada.join("#lab")).toEqual(["ada"]);
    expect(await bob.join("#lab")).toEqual(["ada", "bob"]);
    expect(await ada.members("#lab")).toEqual(["ada", "bob"]);
    await expect(ada.members("#nowhere")).rejects.toMatchObject({ code: "not-found" });
  });

  it("lets others into an invite-only room, by invitation alone", async () => {
    const [ada, bob, eve] = [
      await world.joinProved("ada"),
      await world.joinProved("bob"),
      await world.joinProved("eve"),
    ];
    await ada.create("#secret", { inviteOnly: true });
    await expect(bob.invite("#secret", "bob")).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringContaining("ask one of its members") as string,
    });
    await ada.invite("#secret", "bob");
    expect(await next(bob)).toMatchObject({ content: { kind: "room.invited", data: { room: "#secret", by: "ada" } } });
    expect(await bob.join("#secret")).toEqual(["ada", "bob"]);
    await expect(eve.join("#secret")).rejects.toMatchObject({ code: "forbidden" });
    await expect(eve.members("#secret")).rejects.toMatchObject({ code: "forbidden" });
    await expect(eve.history("#secret")).rejects.toMatchObject({ code: "forbidden" });
    expect((await eve.rooms()).map(({ name }) => name)).not.toContain("#secret");
    await expect(ada.invite("#nowhere", "bob")).rejects.toMatchObject({ code: "not-found" });
  });

  it("makes a room that remembers, reads it page by page, and ends it", async () => {
    const [ada, eve] = [await world.joinProved("ada"), await world.join("eve")];
    await ada.create("#log", { durable: { max: 5 } });
    await eve.join("#log");
    for (const text of ["a", "b", "c", "d", "e", "f", "g"]) await ada.inform("#log", text);
    const live: Envelope[] = [];
    while (live.length < 7) live.push(await next(eve));
    expect(words(live)).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
    const last = await ada.history("#log", { count: 1 });
    const epoch = last.next?.epoch ?? "";
    expect(words(last.messages)).toEqual(["g"]);
    expect(last.messages[0]?.$broker).toEqual({ room_seq: 7, epoch });
    expect(live[6]?.$broker).toEqual({ room_seq: 7, epoch });
    const page = await ada.history("#log", { after: { epoch, seq: 0 }, max: 3 });
    expect(page).toMatchObject({ gap: true, more: true, next: { seq: 5 } });
    expect(words(page.messages)).toEqual(["c", "d", "e"]);
    const rest = await ada.history("#log", { after: page.next ?? "last" });
    expect(rest).toMatchObject({ gap: false, more: false, next: { seq: 7 } });
    expect(words(rest.messages)).toEqual(["f", "g"]);
    expect((await eve.rooms()).find(({ name }) => name === "#log")).toMatchObject({ durable: true });
    await expect(eve.keep("#log", false)).rejects.toMatchObject({ code: "forbidden" });
    await ada.keep("#log", { max: 1 });
    await eventually(async () => words(await ada.history("#log")).join() === "g", "it remembers one");
    await ada.keep("#log", false);
    expect(await ada.history("#log", {})).toMatchObject({ messages: [], next: undefined });
  });

  it("reads the last messages of a room, its own among them, oldest first", async () => {
    const [ada, bob] = [await world.join("ada"), await world.join("bob")];
    await ada.join("#past");
    await ada.inform("#past", "one");
    await ada.request("$broker", { message: "ping", kind: "ping" }); // one has been read
    await bob.inform("#past", "two");
    await bob.inform("#past", "three");
    await bob.request("$broker", { message: "ping", kind: "ping" });
    const past = await ada.history("#past");
    expect(words(past)).toEqual(["one", "two", "three"]);
    expect(past.map(({ from, to, type, replay }) => [from, to, type, replay])).toEqual([
      ["ada", "#past", "inform", true],
      ["bob", "#past", "inform", true],
      ["bob", "#past", "inform", true],
    ]);
    expect(words(await bob.history("#past", 2))).toEqual(["two", "three"]);
    expect(await bob.history("#past", 0)).toEqual([]);
    expect(await bob.history("#general")).toEqual([]);
    await expect(bob.history("#nowhere")).rejects.toMatchObject({ code: "not-found" });
    await expect(bob.history("#past", -1)).rejects.toMatchObject({ code: "malformed" });
    // Nothing of the past is news: what ada hears next is what was said to her while she was not looking.
    expect(await next(ada)).toMatchObject({ content: { message: "two" } });
    expect((await next(ada)).replay).toBeUndefined();
  });

  it("keeps apart the pasts that it asks for at once", async () => {
    const ada = await world.join("ada");
    const rooms = ["#a", "#b", "#c"];
    for (const room of rooms) await ada.join(room);
    for (const room of rooms) for (const text of ["one", "two"]) await ada.inform(room, `${text} in ${room}`);
    const pasts = await Promise.all([...rooms, ...rooms].map((room) => ada.history(room)));
    expect(pasts.map(words)).toEqual([...rooms, ...rooms].map((room) => [`one in ${room}`, `two in ${room}`]));
  });
});

describe("the past of a room", () => {
  /** An agent on a line without a broker: what it asks, and a way to say something to it. */
  function agentAlone(): {
    readonly agent: Agent;
    readonly asked: Envelope[];
    hear(this: void, payload: object): void;
  } {
    const asked: Envelope[] = [];
    let arrives: MessageListener = () => undefined;
    const agent = Agent.over(
      "ada",
      (heard) => {
        arrives = heard;
        return {
          isDirect: true,
          subscribe: () => true,
          unsubscribe: () => undefined,
          publish: (_topic, written) => Promise.resolve(void asked.push(JSON.parse(written) as Envelope)),
          close: () => Promise.resolve(),
        };
      },
      { requestTimeoutMs: 200 },
    );
    const hear = (payload: object): void => {
      arrives("ada", Buffer.from(JSON.stringify(payload)), "proved");
    };
    return { agent, asked, hear };
  }
  const answer = (asked: Envelope | undefined, count: number): object => {
    const content = { message: "", kind: "room.history", data: { room: "#a", count } };
    return { from: "$broker", to: "ada", type: "response", in_reply_to: asked?.message_id, content };
  };
  const past = (text: string, room = "#a"): object => {
    return { from: "bob", to: room, type: "inform", replay: true, content: { message: text } };
  };

  it("is late where it does not follow the answer, and said to be lost where the next answer comes first", async () => {
    const { agent, asked, hear } = agentAlone();
    const [first, second] = [agent.history("#a"), agent.history("#a")];
    const lost = expect(first).rejects.toMatchObject({ code: "slow-consumer" });
    const late = expect(second).rejects.toMatchObject({ code: "timeout" });
    await Promise.resolve();
    hear(answer(asked[0], 2));
    hear(past("one"));
    hear(answer(asked[1], 1));
    await Promise.all([lost, late]);
    await agent.close();
  });

  it("is said to be lost where the answer to another program of the name comes first", async () => {
    const { agent, asked, hear } = agentAlone();
    const theirs = { ...answer(undefined, 2), in_reply_to: "theirs" };
    const whole = agent.history("#a");
    await Promise.resolve();
    hear(answer(asked[0], 2));
    hear(past("one"));
    hear({ ...theirs, from: "eve" }); // anybody may say so
    hear(past("two"));
    expect(words(await whole)).toEqual(["one", "two"]);
    const lost = expect(agent.history("#a")).rejects.toMatchObject({ code: "slow-consumer" });
    await Promise.resolve();
    hear(answer(asked[1], 2));
    hear(past("one"));
    hear(theirs);
    hear(past("one"));
    await lost;
    await agent.close();
  });

  it("takes nothing else for it: what another program of the name asked for, what is news", async () => {
    const { agent, asked, hear } = agentAlone();
    const mine = agent.history("#a");
    await Promise.resolve();
    hear(past("not asked for"));
    hear(answer(asked[0], 1));
    hear(past("of another room", "#b"));
    hear({ ...past("news"), replay: undefined });
    hear(past("mine"));
    expect(words(await mine)).toEqual(["mine"]);
    const heard = [await next(agent), await next(agent), await next(agent)];
    expect(words(heard)).toEqual(["not asked for", "of another room", "news"]);
    await agent.close();
  });

  it("ends with the agent", async () => {
    const { agent, asked, hear } = agentAlone();
    const [answered, open] = [agent.history("#a"), agent.history("#a")];
    const gone = Promise.all([answered, open].map((one) => expect(one).rejects.toMatchObject({ code: "going-away" })));
    await Promise.resolve();
    hear(answer(asked[0], 1));
    await agent.close();
    await gone;
  });
});
