import { beforeEach, describe, expect, it } from "vitest";
import { principal } from "../../../src/core/index.js";
import { AgentChatWorld, type Chatter } from "../../kit/agentchat-world.js";

describe("AgentChat: channels", () => {
  let world: AgentChatWorld;
  let ada: Chatter;
  let bob: Chatter;
  beforeEach(async () => {
    world = new AgentChatWorld();
    ada = await world.ephemeral("ada");
    bob = await world.ephemeral("bob");
  });

  it("there are #general and #agents from the start", async () => {
    await ada.client.says({ type: "LIST_CHANNELS" });
    await ada.client.hears({
      type: "CHANNELS",
      list: [
        { name: "#agents", agents: 0 },
        { name: "#general", agents: 0 },
      ],
    });
  });

  it("a list costs by its length, before it is made, and is never out of reach", async () => {
    const slow = new AgentChatWorld({ limits: { agentchatRatePerSecond: 1, agentchatBurst: 10 } });
    const { client } = await slow.ephemeral("eve");
    const maker = slow.directory.arrive({ principal: principal("maker", "shared"), dialect: "pan" });
    const made = (from: number, to: number): void => {
      for (let n = from; n < to; n += 1) slow.directory.join(maker, `#r${String(n)}`, { create: true });
    };
    const lists = async (): Promise<readonly unknown[]> => {
      for (let n = 0; n < 4; n += 1) await client.says({ type: "LIST_CHANNELS" });
      return client.all().map(({ type }) => type);
    };
    made(0, 250);
    expect(await lists()).toEqual(["CHANNELS", "CHANNELS", "CHANNELS", "ERROR"]);
    made(250, 1_000);
    for (let n = 1_000; n < 3_000; n += 1)
      slow.directory.join(
        slow.directory.arrive({ principal: principal(`m${String(n)}`, "shared"), dialect: "pan" }),
        `#r${String(n)}`,
        { create: true },
      );
    slow.clock.advance(10_000);
    expect(await lists()).toEqual(["CHANNELS", "ERROR", "ERROR", "ERROR"]);
  });

  it("whoever is inside pays for JOIN as for the list that it answers, whoever comes in as for a message", async () => {
    const slow = new AgentChatWorld({ limits: { agentchatRatePerSecond: 1, agentchatBurst: 10 } });
    for (let n = 0; n < 300; n += 1)
      slow.directory.join(
        slow.directory.arrive({ principal: principal(`m${String(n)}`, "shared"), dialect: "pan" }),
        "#general",
        { create: true },
      );
    const { client } = await slow.ephemeral("eve");
    for (let n = 0; n < 4; n += 1) await client.says({ type: "JOIN", channel: "#general" });
    expect(client.all().map(({ type }) => type)).toEqual(["JOINED", "JOINED", "JOINED", "ERROR"]);
  });

  it("whoever holds the most by claims alone makes room for others: told, and heard no more", async () => {
    const small = new AgentChatWorld({ limits: { roomsMax: 4, roomsClaimedMax: 4 } });
    const [greedy, eve] = [await small.ephemeral("greedy"), await small.ephemeral("eve")];
    for (const channel of ["#a", "#b"]) await greedy.client.says({ type: "CREATE_CHANNEL", channel });
    greedy.client.all();
    await eve.client.says({ type: "CREATE_CHANNEL", channel: "#new" });
    await eve.client.hears({ type: "JOINED", channel: "#new" });
    await greedy.client.hears({ type: "ERROR" });
    expect(small.router.route("#a")).toBeUndefined();
    await greedy.client.says({ type: "MSG", to: "#b", content: "still here" });
    await greedy.client.hears({ type: "MSG", to: "#b" });
  });

  it("JOIN answers with everybody there, and tells the others", async () => {
    await ada.client.says({ type: "JOIN", channel: "#general" });
    await ada.client.hears({ type: "JOINED", channel: "#general", agents: [ada.id] });
    await bob.client.says({ type: "JOIN", channel: "#general" });
    await bob.client.hears({ type: "JOINED", channel: "#general", agents: [ada.id, bob.id].sort() });
    await ada.client.hears({ type: "AGENT_JOINED", channel: "#general", agent: bob.id, name: "bob" });
    await ada.client.says({ type: "LIST_AGENTS", channel: "#general" });
    await ada.client.hears({ type: "AGENTS", channel: "#general", list: [ada.id, bob.id].sort() });
    for (const { client } of [ada, bob]) await client.hearsNothing();
  });

  it("LEAVE answers LEFT, and tells the others; so does a connection that is lost", async () => {
    for (const { client } of [ada, bob]) {
      await client.says({ type: "JOIN", channel: "#general" });
      client.all();
    }
    await bob.client.says({ type: "LEAVE", channel: "#general" });
    await bob.client.hears({ type: "LEFT", channel: "#general", agent: bob.id });
    await ada.client.hears({ type: "AGENT_JOINED", agent: bob.id });
    await ada.client.hears({ type: "AGENT_LEFT", channel: "#general", agent: bob.id });
    await bob.client.says({ type: "JOIN", channel: "#general" });
    await ada.client.hears({ type: "AGENT_JOINED", agent: bob.id });
    await bob.client.vanishes();
    await ada.client.hears({ type: "AGENT_LEFT", channel: "#general", agent: bob.id });
    await ada.client.hearsNothing();
  });

  it("joining twice changes nothing; leaving without joining is refused", async () => {
    for (let n = 0; n < 2; n += 1) {
      await ada.client.says({ type: "JOIN", channel: "#general" });
      await ada.client.hears({ type: "JOINED", channel: "#general", agents: [ada.id] });
    }
    await ada.client.says({ type: "LEAVE", channel: "#agents" });
    await ada.client.hears({ type: "ERROR", code: "INVALID_MSG", ref: "LEAVE" });
  });

  it.each(["JOIN", "LEAVE", "LIST_AGENTS", "INVITE"])(
    "%s of a channel that is not there is CHANNEL_NOT_FOUND, and makes none",
    async (type) => {
      await ada.client.says({ type, channel: "#nowhere", agent: bob.id });
      await ada.client.hears({
        type: "ERROR",
        code: "CHANNEL_NOT_FOUND",
        ref: type,
        message: "there is no channel #nowhere; CREATE_CHANNEL makes one, LIST_CHANNELS tells which there are",
      });
      expect(world.directory.rooms(undefined).map(({ name }) => name)).toEqual(["#agents", "#general"]);
    },
  );

  it("CREATE_CHANNEL makes one, joins its maker, and is refused the second time", async () => {
    await ada.client.says({ type: "CREATE_CHANNEL", channel: "#dev" });
    await ada.client.hears({ type: "JOINED", channel: "#dev", agents: [ada.id] });
    await bob.client.says({ type: "CREATE_CHANNEL", channel: "#dev" });
    await bob.client.hears({ type: "ERROR", code: "CHANNEL_EXISTS", ref: "CREATE_CHANNEL" });
    await bob.client.says({ type: "JOIN", channel: "#dev" });
    await bob.client.hears({ type: "JOINED", channel: "#dev" });
  });

  it.each(["dev", "#", "#all", "#a b", "#ends.", `#${"x".repeat(65)}`, "@ada"])(
    "refuses to make %j",
    async (channel) => {
      await ada.client.says({ type: "CREATE_CHANNEL", channel });
      await ada.client.hears({ type: "ERROR", code: "INVALID_NAME", ref: "CREATE_CHANNEL" });
    },
  );

  it("makes one of the longest name", async () => {
    await ada.client.says({ type: "CREATE_CHANNEL", channel: `#${"x".repeat(64)}` });
    await ada.client.hears({ type: "JOINED" });
  });

  it("tells what those are called who are there", async () => {
    await ada.client.says({ type: "JOIN", channel: "#general" });
    expect(await ada.client.hears({ type: "JOINED" })).toMatchObject({ agents: [ada.id], names: { [ada.id]: "ada" } });
    await bob.client.says({ type: "LIST_AGENTS", channel: "#general" });
    expect(await bob.client.hears({ type: "AGENTS" })).toMatchObject({ list: [ada.id], names: { [ada.id]: "ada" } });
  });

  it("lets nobody outside learn by INVITE who is online", async () => {
    await ada.client.says({ type: "CREATE_CHANNEL", channel: "#private", invite_only: true });
    for (const agent of [bob.id, "@nobody12"]) {
      await bob.client.says({ type: "INVITE", channel: "#private", agent });
      await bob.client.hears({ type: "ERROR", code: "NOT_INVITED", ref: "INVITE" });
    }
  });

  it("keeps an invite-only channel from everybody but its members and those invited", async () => {
    await ada.client.says({ type: "CREATE_CHANNEL", channel: "#private", invite_only: true });
    await ada.client.hears({ type: "JOINED" });
    for (const command of [
      { type: "LIST_AGENTS", channel: "#private" },
      { type: "MSG", to: "#private", content: "psst" },
      { type: "INVITE", channel: "#private", agent: ada.id },
    ]) {
      await bob.client.says(command);
      await bob.client.hears({ type: "ERROR", code: "NOT_INVITED" });
    }
    await bob.client.says({ type: "JOIN", channel: "#private" });
    await bob.client.hears({ type: "ERROR", code: "NOT_INVITED", ref: "JOIN" });
    await bob.client.says({ type: "LIST_CHANNELS" });
    expect(JSON.stringify(bob.client.all())).not.toContain("#private");
    await ada.client.says({ type: "INVITE", channel: "#private", agent: bob.id });
    await ada.client.hearsNothing();
    expect(await bob.client.hears({ type: "MSG", from: "@server" })).toMatchObject({
      to: bob.id,
      content: expect.stringContaining("#private") as string,
    });
    await bob.client.says({ type: "JOIN", channel: "#private" });
    await bob.client.hears({ type: "JOINED", channel: "#private" });
    await ada.client.hears({ type: "AGENT_JOINED", channel: "#private", agent: bob.id });
    await bob.client.says({ type: "MSG", to: "#private", content: "I am in" });
    await ada.client.hears({ type: "MSG", to: "#private", content: "I am in" });
  });

  it("an invitation is bound to the key of whoever has one", async () => {
    const owner = await world.proved("owner");
    await ada.client.says({ type: "CREATE_CHANNEL", channel: "#private", invite_only: true });
    await ada.client.says({ type: "INVITE", channel: "#private", agent: owner.id });
    await owner.client.vanishes();
    const again = await world.proved("owner");
    await again.client.says({ type: "JOIN", channel: "#private" });
    await again.client.hears({ type: "JOINED", channel: "#private" });
  });

  it("INVITE of nobody is AGENT_NOT_FOUND; with or without @ it is the same agent", async () => {
    await ada.client.says({ type: "CREATE_CHANNEL", channel: "#dev" });
    await ada.client.says({ type: "INVITE", channel: "#dev", agent: "@nobody00" });
    await ada.client.hears({ type: "ERROR", code: "AGENT_NOT_FOUND", ref: "INVITE" });
    await ada.client.says({ type: "INVITE", channel: "#dev", agent: bob.id.slice(1) });
    await bob.client.hears({ type: "MSG", from: "@server" });
    await bob.client.says({ type: "INVITE", channel: "#dev", agent: ada.id });
    await bob.client.hears({ type: "ERROR", code: "NOT_INVITED", ref: "INVITE" });
  });

  it("JOIN replays what was said before, after its answer, when asked", async () => {
    for (const content of ["one", "two", "three"]) await ada.client.says({ type: "MSG", to: "#general", content });
    await bob.client.says({ type: "JOIN", channel: "#general", replay: 2 });
    expect(bob.client.all().map(({ type, content, replay }) => [type, content, replay])).toEqual([
      ["JOINED", undefined, undefined],
      ["MSG", "two", true],
      ["MSG", "three", true],
    ]);
  });
});
