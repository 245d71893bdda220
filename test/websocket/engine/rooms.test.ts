import { beforeEach, describe, expect, it } from "vitest";
import { principal } from "../../../src/core/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { echo } from "../../../bridges/echo/index.js";
import { probe } from "../../kit/probe-dialect.js";

describe("rooms, as sessions hear them", () => {
  let world: ConformanceWorld;
  const enter = async (name: string): Promise<Conversation> => {
    const client = world.connect("/echo");
    await client.says({ type: "login", name });
    await client.hears({ type: "welcome", name });
    return client;
  };
  beforeEach(() => {
    world = new ConformanceWorld([
      echo,
      probe({
        "create #den": (session) => session.create("#den", { inviteOnly: true }),
        "invite bob": (session) => session.invite("#den", "bob"),
        "hear events": (session) => {
          session.subscribe("$events");
        },
        "join #tea": (session) => void session.join("#tea", { create: true }),
      }),
    ]);
  });

  it("members hear, others do not, the speaker does not hear itself", async () => {
    const [ada, bob, eve] = [await enter("ada"), await enter("bob"), await enter("eve")];
    for (const member of [ada, bob]) await member.says({ type: "join", room: "#tea" });
    ada.all();
    bob.all();
    await ada.says({ type: "say", to: "#tea", text: "milk?" });
    await bob.hears({ type: "heard", from: "ada", to: "#tea", text: "milk?" });
    await ada.hearsNothing();
    await eve.hearsNothing();
    await eve.says({ type: "say", to: "#tea", text: "from outside" });
    await ada.hears({ from: "eve" });
    await bob.says({ type: "leave", room: "#tea" });
    await ada.hears({ type: "left", agent: "bob" });
    bob.all();
    await ada.says({ type: "say", to: "#tea", text: "alone" });
    await bob.hearsNothing();
  });

  it("members learn who comes, leaves and vanishes; not of themselves, and once", async () => {
    const ada = await enter("ada");
    await ada.says({ type: "join", room: "#tea" });
    await ada.hears({ type: "joined", room: "#tea", agent: "ada" });
    await ada.hearsNothing();
    const bob = await enter("bob");
    await bob.says({ type: "join", room: "#tea" });
    await bob.says({ type: "join", room: "#tea" });
    await ada.hears({ type: "joined", room: "#tea", agent: "bob" });
    await bob.vanishes();
    await ada.hears({ type: "left", room: "#tea", agent: "bob" });
    await ada.hearsNothing();
    const local = world.directory.arrive({ principal: principal("py", "claimed"), dialect: "zmq" });
    world.directory.join(local, "#tea", { create: true });
    await ada.hears({ type: "joined", room: "#tea", agent: "py" });
  });

  it("history comes after the answer, marked, only when asked, and only once", async () => {
    const ada = await enter("ada");
    await ada.says({ type: "join", room: "#tea" });
    for (const text of ["one", "two", "three"]) await ada.says({ type: "say", to: "#tea", text });
    const [bob, eve] = [await enter("bob"), await enter("eve")];
    await eve.says({ type: "join", room: "#tea" });
    expect(eve.all().map(({ type }) => type)).toEqual(["joined"]);
    await bob.says({ type: "join", room: "#tea", history: 2 });
    expect(bob.all()).toMatchObject([
      { type: "joined", agent: "bob" },
      { text: "two", replay: true },
      { text: "three", replay: true },
    ]);
    await ada.says({ type: "say", to: "#tea", text: "live" });
    const [live] = bob.all();
    expect(live).toMatchObject({ text: "live" });
    expect(live).not.toHaveProperty("replay");
    world.expectSound();
  });

  it("the past is paid for by its length before anybody is let in, never out of reach, and told before what comes", async () => {
    const ada = await enter("ada");
    for (let n = 0; n < 10; n += 1) {
      await ada.says({ type: "say", to: "#general", text: String(n).repeat(64_000) });
      world.clock.advance(1_000);
    }
    const bob = await enter("bob");
    await bob.says({ type: "say", to: "ada", text: "one token less" });
    await bob.says({ type: "join", room: "#general", history: 10 });
    await bob.hears({ type: "refused" });
    expect(world.directory.memberCount("#general", undefined)).toBe(0);
    world.clock.advance(10_000);
    const joining = bob.says({ type: "join", room: "#general", history: 20 });
    await ada.says({ type: "say", to: "#general", text: "live" });
    await joining;
    const heard = bob.all();
    expect(heard[0]).toMatchObject({ type: "joined" });
    const replays = heard.filter(({ replay }) => replay === true);
    expect(replays.length).toBeGreaterThanOrEqual(10);
    expect(heard.slice(1, 1 + replays.length)).toEqual(replays);
    expect(JSON.stringify(heard.at(-1))).toContain("live");
    await bob.says({ type: "join", room: "#general", history: 10 });
    await bob.hears({ type: "refused" });
    await bob.says({ type: "join", room: "#general" });
  });

  it("invite-only rooms are told of to nobody outside, not even to who hears all events", async () => {
    const spy = world.connect("/probe");
    await spy.says({ type: "login", name: "spy" });
    await spy.says({ type: "do", what: "hear events" });
    const bob = await enter("bob");
    const ada = world.connect("/probe");
    await ada.says({ type: "login", name: "ada", token: "own ada" });
    spy.all();
    await ada.says({ type: "do", what: "create #den" });
    await ada.says({ type: "do", what: "invite bob" });
    await bob.hears({ type: "heard", from: "$broker" });
    await spy.hearsNothing();
    await spy.says('{"type":"do","what":"join #tea"}');
    expect(spy.all().map(({ kind, data }) => [kind, data])).toMatchObject([
      ["room.created", { room: "#tea" }],
      ["room.joined", { room: "#tea", agent: "spy" }],
    ]);
    await bob.says({ type: "say", to: "#den", text: "not a member yet" });
    await bob.hears({ type: "refused", code: "not-allowed" });
    await bob.says({ type: "join", room: "#den" });
    await bob.says({ type: "say", to: "#den", text: "now I am" });
    await ada.hears({ text: "now I am" });
    await spy.hearsNothing();
    const eve = await enter("eve");
    await eve.says({ type: "say", to: "#den", text: "let me in" });
    await eve.hears({ type: "refused", code: "not-allowed" });
    world.expectSound();
  });

  it("everybody hears `all`, but not the speaker", async () => {
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    await ada.says({ type: "say", to: "all", text: "GM" });
    await bob.hears({ to: "all", text: "GM" });
    await ada.hearsNothing();
  });
});
