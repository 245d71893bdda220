import { beforeEach, describe, expect, it } from "vitest";
import { principal } from "../../../src/core/index.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { probe } from "../../kit/probe-dialect.js";

const called = (name: string): ReturnType<typeof principal> => principal(name, "claimed");

describe("a session that takes another name", () => {
  let world: ConformanceWorld;
  beforeEach(() => {
    world = new ConformanceWorld([
      probe({
        rename: (s) => s.rename(called("ada 2")),
        taken: (s) => s.rename(called("bob")),
        same: (s) => s.rename(called("ada")),
        join: (s) => void s.join("#tea", { create: true }),
        ask: (s) => void s.request({ to: "bob", messageId: "q", content: { message: "well?" } }),
        greet: (s) => void s.inform({ to: "ada 2", content: { message: "hello" } }),
        old: (s) => void s.inform({ to: "ada", content: { message: "hello" } }),
        shout: (s) => void s.inform({ to: "#tea", content: { message: "tea" } }),
      }),
    ]);
  });
  const enter = async (name: string): Promise<Conversation> => {
    const client = world.connect("/probe");
    await client.says({ type: "login", name });
    await client.hears({ type: "welcome" });
    return client;
  };
  const does = (client: Conversation, what: string): Promise<void> => client.says({ type: "do", what });

  it("hears the new name and not the old one, stays in its rooms, and others are told", async () => {
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    for (const client of [ada, bob]) await does(client, "join");
    ada.all();
    bob.all();
    await does(ada, "rename");
    await bob.hears({
      kind: "room.joined",
      data: { room: "#tea", agent: "ada 2", displayName: "ada 2", dialect: "probe", trust: "claimed" },
    });
    await bob.hears({ kind: "room.left" });
    expect(ada.all()).toEqual([]); // it knows
    await does(bob, "greet");
    await ada.hears({ text: "hello", from: "bob" });
    await does(bob, "old");
    await bob.hears({ type: "refused", code: "not-found" });
    await does(bob, "shout");
    await ada.hears({ text: "tea" });
    await does(ada, "shout");
    await bob.hears({ text: "tea", from: "ada 2" });
    expect(world.directory.agents().map(({ name }) => name)).toEqual(["ada 2", "bob"]);
    world.expectSound();
  });

  it("is refused a name that somebody has who answers, and stays as it was", async () => {
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    await does(ada, "taken");
    await ada.hears({ type: "refused", code: "conflict" });
    await does(bob, "old");
    await ada.hears({ text: "hello" });
    world.expectSound();
  });

  it("is told that an answer it waits for will not come", async () => {
    const [ada] = [await enter("ada"), await enter("bob")];
    await does(ada, "ask");
    await does(ada, "rename");
    await ada.hears({ kind: "fault", in_reply_to: "q" });
    expect(world.requests.size).toBe(0);
    world.expectSound();
  });

  it("keeps its name if it asks for the same, and frees the old one for others if not", async () => {
    const ada = await enter("ada");
    await does(ada, "same");
    expect(world.directory.agent("ada")).toBeDefined();
    await does(ada, "rename");
    await enter("ada");
    await ada.vanishes();
    expect(world.directory.agents().map(({ name }) => name)).toEqual(["ada"]);
    world.expectSound();
  });

  it("pays under the name that it came with, so that a new name is no new allowance", async () => {
    const dialect = probe(
      { rename: (s) => s.rename(called(`ada ${String(s.state.notes.push("again"))}`)) },
      { rate: { refusal: "slow", buckets: () => [{ owner: "agent", rate: { perSecond: 1, burst: 3 } }] }, costs: 1 },
    );
    const limited = new ConformanceWorld([dialect]);
    const ada = limited.connect("/probe");
    await ada.says({ type: "login", name: "ada" });
    for (let turn = 0; turn < 4; turn += 1) await ada.says({ type: "do", what: "rename" });
    await ada.hears({ type: "refused", code: "rate-limited" });
    expect(limited.directory.agents().map(({ name }) => name)).toEqual(["ada 3"]);
  });

  it("does not use up what the next owner of its first name may say", async () => {
    const limited = new ConformanceWorld([
      probe(
        { rename: (s) => s.rename(called("zoe")), talk: () => undefined },
        { rate: { refusal: "slow", buckets: () => [{ owner: "agent", rate: { perSecond: 1, burst: 3 } }] }, costs: 1 },
      ),
    ]);
    const [eve, ada] = [limited.connect("/probe"), limited.connect("/probe")];
    await eve.says({ type: "login", name: "ada" });
    await does(eve, "rename");
    await ada.says({ type: "login", name: "ada" });
    limited.clock.advance(3_000);
    for (let turn = 0; turn < 9; turn += 1) await does(eve, "talk");
    await eve.hears({ type: "refused", code: "rate-limited" });
    await does(ada, "talk");
    expect(ada.all()).toEqual([{ type: "welcome" }]);
  });

  it("pays for each room that hears of it", async () => {
    const limited = new ConformanceWorld([
      probe(
        {
          rename: (s) => s.rename(called("zoe")),
          again: (s) => s.rename(called("yan")),
          join: (s) => {
            for (const room of ["#a", "#b", "#c", "#d", "#e"]) s.join(room, { create: true });
          },
        },
        { rate: { refusal: "slow", buckets: () => [{ owner: "agent", rate: { perSecond: 1, burst: 8 } }] }, costs: 1 },
      ),
    ]);
    const ada = limited.connect("/probe");
    await ada.says({ type: "login", name: "ada" });
    for (const what of ["join", "rename", "again"]) await does(ada, what);
    await ada.hears({ type: "refused", code: "rate-limited" });
    expect(limited.directory.agents().map(({ name }) => name)).toEqual(["zoe"]);
  });

  it("ends with the token of its login, whatever it is called then", async () => {
    const ada = world.connect("/probe");
    const login = world.identity.token.bind(world.identity);
    world.identity.token = (...words) => ({ ...login(...words), tokenId: "t-1" });
    await ada.says({ type: "login", name: "ada", token: "own ada" });
    await does(ada, "rename");
    world.bridges.endTokens((id) => (id === "t-1" ? "revoked" : undefined));
    expect(ada.closing?.code, "the dialect's own code").toBe(4000);
  });

  it("ends with the token by which it proves its own name anew", async () => {
    const anew = { ...principal("ada", "proved", { proof: "token:ada" }), tokenId: "t-2" };
    const proving = new ConformanceWorld([probe({ same: (s) => s.rename(anew) })]);
    const ada = proving.connect("/probe");
    await ada.says({ type: "login", name: "ada", token: "own ada" });
    await does(ada, "same");
    proving.bridges.endTokens((id) => (id === "t-2" ? "expired" : undefined));
    expect(ada.closing?.code, "the dialect's own code").toBe(4000);
  });

  it("stays in a room that is full, and does not give up what it has proved of its name", async () => {
    const small = new ConformanceWorld(
      [
        probe({
          rename: (s) => s.rename(called("zoe")),
          same: (s) => s.rename(called("ada")),
          join: (s) => void s.join("#tea", { create: true }),
        }),
      ],
      { limits: { roomMembersMax: 2 } },
    );
    const [ada, bob] = [small.connect("/probe"), small.connect("/probe")];
    await ada.says({ type: "login", name: "ada", token: "own ada" });
    await bob.says({ type: "login", name: "bob" });
    for (const client of [ada, bob]) await does(client, "join");
    await does(ada, "same");
    await ada.hears({ type: "refused", code: "conflict" });
    expect(small.directory.agent("ada")?.trust).toBe("proved");
    await does(ada, "rename");
    expect([...small.directory.members("#tea", undefined)].sort()).toEqual(["bob", "zoe"]);
    small.expectSound();
  });

  it("takes no second place where the directory is full, unless another session has its old name, too", async () => {
    const full = new ConformanceWorld([probe({ rename: (s) => s.rename(called("zoe")) })], {
      limits: { agentsMax: 2 },
    });
    const [ada, bob] = [full.connect("/probe"), full.connect("/probe")];
    await ada.says({ type: "login", name: "ada", token: "own ada" });
    await bob.says({ type: "login", name: "bob" });
    const elsewhere = full.directory.arrive({ principal: called("ada"), dialect: "own" });
    await does(ada, "rename");
    await ada.hears({ type: "refused", code: "full" });
    elsewhere.depart();
    await does(ada, "rename");
    expect(full.directory.agents().map(({ name }) => name)).toEqual(["bob", "zoe"]);
    full.expectSound();
  });

  it("stays unlisted if it was", async () => {
    const viewer = world.connect("/probe");
    await viewer.says({ type: "login", name: "ada", listed: false });
    await does(viewer, "rename");
    expect(world.directory.agents()).toEqual([]);
  });
});
