// Against a fake server (fake-server.ts) that says only what each test has it say.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentChatClient, AgentChatError } from "../../../clients/typescript/agentchat/client.js";
import { fakeLine, type Peer } from "./fake-server.js";

describe("AgentChat calls in flight", () => {
  let client: AgentChatClient;
  let peer: Peer;
  let errors: readonly AgentChatError[];
  let end: () => Promise<void>;
  beforeEach(async () => {
    ({ client, peer, errors, end } = await fakeLine());
  });
  afterEach(() => end());
  async function hears(...types: readonly string[]): Promise<void> {
    for (const type of types) await peer.hears(type);
  }

  it("gives two joins each its own answer, in whatever order they come", async () => {
    const joins = Promise.all([client.join("#one"), client.join("#two")]);
    await hears("JOIN", "JOIN");
    peer.says(
      { type: "JOINED", channel: "#two", agents: ["@two"] },
      { type: "JOINED", channel: "#one", agents: ["@one"] },
    );
    expect(await joins).toEqual([["@one"], ["@two"]]);
  });

  it("takes nobody else's leaving for its own", async () => {
    const leaving = client.leave("#one");
    await hears("LEAVE");
    let done = false;
    const settled = leaving.then(() => (done = true));
    peer.says(
      { type: "LEFT", channel: "#one", agent: "@other" },
      { type: "LEFT", channel: "#two", agent: "@me" },
      { type: "AGENTS", channel: "#one", list: [] },
    );
    const pinged = client.ping();
    await hears("PING");
    peer.says({ type: "PONG" });
    await pinged;
    expect(done).toBe(false);
    peer.says({ type: "LEFT", channel: "#one", agent: "@me" });
    expect(await settled).toBe(true);
  });

  it("gives a refusal to the call its ref names, not to the oldest", async () => {
    const results = Promise.allSettled([client.join("#one"), client.listAgents("#two"), client.createChannel("#one")]);
    await hears("JOIN", "LIST_AGENTS", "CREATE_CHANNEL");
    peer.says(
      { type: "ERROR", code: "CHANNEL_NOT_FOUND", message: "no", ref: "LIST_AGENTS" },
      { type: "ERROR", code: "RATE_LIMITED", message: "slow", ref: "CREATE_CHANNEL", retry_after: 70 },
    );
    peer.says({ type: "JOINED", channel: "#one", agents: [] });
    expect(await results).toMatchObject([
      { status: "fulfilled", value: [] },
      { status: "rejected", reason: { code: "CHANNEL_NOT_FOUND", ref: "LIST_AGENTS" } },
      { status: "rejected", reason: { code: "RATE_LIMITED", ref: "CREATE_CHANNEL", retryAfterMs: 70 } },
    ]);
    expect(errors).toEqual([]);
  });

  it("leaves calls alone when a message is refused", async () => {
    const joining = client.join("#one");
    await client.send("#two", "hello", { msgId: "m1" });
    await hears("JOIN", "MSG");
    peer.says(
      { type: "ERROR", code: "CHANNEL_NOT_FOUND", message: "no", ref: "m1" },
      { type: "JOINED", channel: "#one", agents: ["@me"] },
    );
    expect(await joining).toEqual(["@me"]);
    expect(errors).toMatchObject([{ code: "CHANNEL_NOT_FOUND", ref: "m1" }]);
  });

  it("gives a refusal without ref to the oldest call that can fail so", async () => {
    const results = Promise.allSettled([
      client.listChannels(),
      client.createChannel("#one"),
      client.join("#two"),
      client.join("#three"),
    ]);
    await hears("LIST_CHANNELS", "CREATE_CHANNEL", "JOIN", "JOIN");
    peer.says(
      { type: "ERROR", code: "CHANNEL_NOT_FOUND", message: "no" },
      { type: "ERROR", code: "CHANNEL_EXISTS", message: "there" },
    );
    peer.says(
      { type: "ERROR", code: "PROPOSAL_NOT_FOUND", message: "nobody asked" },
      { type: "ERROR", code: "SOMETHING_NEW", message: "?" },
      { type: "JOINED", channel: "#three", agents: [] },
    );
    expect(await results).toMatchObject([
      { reason: { code: "SOMETHING_NEW" } },
      { reason: { code: "CHANNEL_EXISTS" } },
      { reason: { code: "CHANNEL_NOT_FOUND" } },
      { status: "fulfilled" },
    ]);
    expect(errors).toMatchObject([{ code: "PROPOSAL_NOT_FOUND" }]);
  });

  it("knows that an invitation was taken by the PONG behind it", async () => {
    const inviting = client.invite("#own", "bob");
    expect(await peer.hears("INVITE")).toEqual({ type: "INVITE", channel: "#own", agent: "@bob" });
    await hears("PING");
    peer.says({ type: "PONG" });
    await inviting;
  });

  it("tells refused invitations from those that were taken", async () => {
    const results = Promise.allSettled([
      client.ping(),
      client.invite("#own", "@one"),
      client.invite("#own", "@two"),
      client.invite("#own", "@three"),
    ]);
    await hears("PING", "INVITE", "PING", "INVITE", "PING", "INVITE", "PING");
    peer.says(
      { type: "PONG" },
      { type: "PONG" },
      { type: "ERROR", code: "AGENT_NOT_FOUND", message: "nobody", ref: "INVITE" },
      { type: "PONG" },
    );
    peer.says({ type: "ERROR", code: "RATE_LIMITED", message: "slow", ref: "PING" });
    expect((await results).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  });

  it("gives up a call after its time, and the others live", async () => {
    await end();
    ({ client, peer, errors, end } = await fakeLine(30));
    await expect(client.join("#one")).rejects.toMatchObject({ code: "TIMEOUT", call: "JOIN" });
    await client.send("#one", "still connected");
    await hears("JOIN", "MSG");
  });

  it("fails what waits when the line is lost", async () => {
    const results = Promise.allSettled([client.join("#one"), client.invite("#own", "@bob"), client.listChannels()]);
    await hears("JOIN", "INVITE", "PING", "LIST_CHANNELS");
    peer.socket.terminate();
    for (const result of await results)
      expect(result).toMatchObject({ status: "rejected", reason: { code: "CLOSED" } });
    await expect(client.send("#one", "x")).rejects.toMatchObject({ code: "CLOSED" });
  });
});
